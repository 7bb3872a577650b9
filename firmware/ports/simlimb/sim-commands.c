/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim-commands.h"

#include <gio/gio.h>
#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

#define BAUD_MOST 10000000
#define MILLION 1000000

/* A command being run: its words and the answer being built. */
struct command
{
  struct simlimb *arm;
  char **words; /* without the command's own */
  guint n_words;
  JsonBuilder *answer;
  bool quit;
};

static bool
refuse (GError **error, const char *what)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, what);
  return false;
}

static bool
word_as_int (const struct command *command, guint index, gint64 least, gint64 most, gint64 *value,
             GError **error)
{
  if (index >= command->n_words)
    return refuse (error, "an argument is missing");
  return g_ascii_string_to_signed (command->words[index], 10, least, most, value, error);
}

static bool
word_as_double (const struct command *command, guint index, double least, double most,
                double *value, GError **error)
{
  char *end;

  if (index >= command->n_words)
    return refuse (error, "an argument is missing");
  *value = g_ascii_strtod (command->words[index], &end);
  if (end == command->words[index] || *end != 0 || !isfinite (*value) || *value < least
      || *value > most)
    return refuse (error, "a number is not valid or out of range");
  return true;
}

static bool
word_is (const struct command *command, guint index, const char *word)
{
  return index < command->n_words && strcmp (command->words[index], word) == 0;
}

static void
answer_int (struct command *command, const char *name, guint64 value)
{
  json_builder_set_member_name (command->answer, name);
  json_builder_add_int_value (command->answer, (gint64) value);
}

static void
answer_text (struct command *command, const char *name, const char *value)
{
  json_builder_set_member_name (command->answer, name);
  json_builder_add_string_value (command->answer, value);
}

static void
answer_bool (struct command *command, const char *name, bool value)
{
  json_builder_set_member_name (command->answer, name);
  json_builder_add_boolean_value (command->answer, value);
}

static bool
play (struct command *command, bool append, GError **error)
{
  struct sim_electrodes *electrodes = &command->arm->electrodes;
  struct sim_piece piece = { 0 };
  gint64 start = 0;
  gint64 count = 0;
  guint64 sample;

  if (command->n_words == 0)
    return refuse (error, "which recording?");
  piece.recording = sim_electrodes_load (electrodes, command->words[0], error);
  if (piece.recording == NULL)
    return false;
  count = (gint64) piece.recording->samples;
  if (command->n_words > 1
      && (!word_as_int (command, 1, 0, (gint64) piece.recording->samples, &start, error)
          || !word_as_int (command, 2, 1, (gint64) piece.recording->samples, &count, error)))
    return false;
  if (command->n_words > 3 && !word_is (command, 3, "loop"))
    return refuse (error, "the last word is not \"loop\"");

  piece.start = (guint64) start;
  piece.count = (guint64) count;
  piece.loop = word_is (command, 3, "loop");
  if (!sim_electrodes_play (electrodes, &piece, append, &sample, error))
    return false;
  answer_int (command, "sample", sample);
  return true;
}

static bool
run_play (struct command *command, GError **error)
{
  return play (command, false, error);
}

static bool
run_queue (struct command *command, GError **error)
{
  return play (command, true, error);
}

static bool
run_rest (struct command *command, GError **error)
{
  struct sim_electrodes *electrodes = &command->arm->electrodes;
  const struct sim_recording *recording = electrodes->piece.recording;

  if (recording == NULL)
    recording = electrodes->rest;
  if (command->n_words > 0)
    {
      recording = sim_electrodes_load (electrodes, command->words[0], error);
      if (recording == NULL)
        return false;
    }
  sim_electrodes_rest (electrodes, recording);
  answer_int (command, "sample", electrodes->next);
  return true;
}

static bool
run_generate (struct command *command, GError **error)
{
  struct sim_electrodes *electrodes = &command->arm->electrodes;
  double strength = 0.5;
  int gesture;

  if (command->n_words == 0 || (gesture = sim_gesture_code (command->words[0])) < 0)
    return refuse (error, "no such movement");
  if (command->n_words > 1 && !word_as_double (command, 1, 0, 1, &strength, error))
    return false;
  if (!sim_electrodes_generate (electrodes, (unsigned) gesture, strength, error))
    return false;
  answer_int (command, "sample", electrodes->next);
  return true;
}

static bool
run_drift (struct command *command, GError **error)
{
  struct sim_electrodes *electrodes = &command->arm->electrodes;
  double degrees, gain;
  gint64 seed = 1;

  if (electrodes->generator == NULL)
    return refuse (error, "this arm was not started with --generate");
  if (!word_as_double (command, 0, -180, 180, &degrees, error)
      || !word_as_double (command, 1, 0, 2, &gain, error)
      || (command->n_words > 2 && !word_as_int (command, 2, 0, G_MAXINT64, &seed, error)))
    return false;
  sim_generator_drift (electrodes->generator, degrees, gain, (guint64) seed);
  return true;
}

static bool
run_button (struct command *command, GError **error)
{
  if (!command->arm->powered)
    return refuse (error, "the arm is off");
  simlimb_advance (command->arm);
  simlimb_press (command->arm);
  return true;
}

static bool
word_as_channel (const struct command *command, gint64 *channel, GError **error)
{
  return word_as_int (command, 0, 0, command->arm->electrodes.converter.channels - 1, channel,
                      error);
}

static bool
run_stick (struct command *command, GError **error)
{
  gint64 channel;

  if (!word_as_channel (command, &channel, error))
    return false;
  command->arm->electrodes.stuck |= (guint16) (1u << channel);
  return true;
}

static bool
run_loose (struct command *command, GError **error)
{
  gint64 channel;

  if (!word_as_channel (command, &channel, error))
    return false;
  command->arm->electrodes.loose |= (guint16) (1u << channel);
  return true;
}

static bool
run_heal (struct command *command, GError **error)
{
  command->arm->electrodes.stuck = 0;
  command->arm->electrodes.loose = 0;
  command->arm->electrodes.hum_microvolt = 0;
  return true;
}

static bool
run_hum (struct command *command, GError **error)
{
  return word_as_double (command, 0, 0, 100000, &command->arm->electrodes.hum_microvolt, error);
}

static bool
run_battery (struct command *command, GError **error)
{
  gint64 percent;

  if (!word_as_int (command, 0, 0, 100, &percent, error))
    return false;
  command->arm->battery_percent = (unsigned) percent;
  return true;
}

static bool
run_worn (struct command *command, GError **error)
{
  if (!word_is (command, 0, "on") && !word_is (command, 0, "off"))
    return refuse (error, "worn on or worn off?");
  command->arm->worn = word_is (command, 0, "on");
  return true;
}

static bool
run_temperature (struct command *command, GError **error)
{
  double degrees;

  if (!word_as_double (command, 0, -40, 150, &degrees, error))
    return false;
  command->arm->temperature_dc = (int32_t) lrint (degrees * 10);
  return true;
}

static bool
run_current (struct command *command, GError **error)
{
  gint64 current;

  if (!word_as_int (command, 0, 0, 100000, &current, error))
    return false;
  command->arm->current_ma = (uint32_t) current;
  return true;
}

static bool
run_unplug (struct command *command, GError **error)
{
  if (command->arm->line.given)
    return refuse (error, "the line was handed over and cannot be unplugged");
  sim_line_unplug (&command->arm->line);
  return true;
}

static bool
run_plug (struct command *command, GError **error)
{
  if (!command->arm->powered)
    return refuse (error, "the arm is off");
  if (!sim_line_plug (&command->arm->line, error))
    return false;
  answer_text (command, "pty", command->arm->line.name != NULL ? command->arm->line.name : "");
  return true;
}

static bool
run_silent (struct command *command, GError **error)
{
  if (!word_is (command, 0, "on") && !word_is (command, 0, "off"))
    return refuse (error, "silent on or silent off?");
  command->arm->line.silent = word_is (command, 0, "on");
  return true;
}

static bool
run_power_cut (struct command *command, GError **error)
{
  gint64 operations = 0;

  if (!command->arm->powered)
    return refuse (error, "the arm is off");
  if (command->n_words > 0
      && !word_as_int (command, word_is (command, 0, "at") ? 1 : 0, 1, G_MAXINT32, &operations,
                       error))
    return false;
  if (operations > 0)
    command->arm->flash.cut_in = (uint32_t) operations;
  else
    simlimb_power_off (command->arm, true);
  return true;
}

static bool
run_power_on (struct command *command, GError **error)
{
  if (command->arm->powered)
    return refuse (error, "the arm is on");
  return (simlimb_power_on (command->arm, BPG_BOOT_POWER_ON)
          || refuse (error, "the arm does not start"))
         && sim_line_plug (&command->arm->line, error);
}

static bool
run_hang (struct command *command, GError **error)
{
  if (!command->arm->powered)
    return refuse (error, "the arm is off");
  command->arm->hung = true;
  return true;
}

static bool
run_speed (struct command *command, GError **error)
{
  double speed;

  if (!word_as_double (command, 0, 0.01, SIM_SPEED_MOST, &speed, error))
    return false;
  simlimb_set_speed (command->arm, speed);
  return true;
}

static bool
run_baud (struct command *command, GError **error)
{
  gint64 baud;

  if (!word_as_int (command, 0, 0, BAUD_MOST, &baud, error))
    return false;
  command->arm->line.baud = (uint32_t) baud;
  return true;
}

static bool
run_noise (struct command *command, GError **error)
{
  gint64 noise;

  if (!word_as_int (command, 0, 0, MILLION, &noise, error))
    return false;
  command->arm->line.noise = (uint32_t) noise;
  return true;
}

static void
answer_hex (struct command *command, const char *name, const uint8_t *bytes, gsize length)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (gsize i = 0; i < length; i++)
    g_string_append_printf (text, "%02x", bytes[i]);
  answer_text (command, name, text->str);
}

static void
answer_histogram (struct command *command)
{
  json_builder_set_member_name (command->answer, "latency");
  json_builder_begin_array (command->answer);
  for (unsigned i = 0; i < BPG_LATENCY_BUCKETS; i++)
    json_builder_add_int_value (command->answer, command->arm->control.latency[i]);
  json_builder_end_array (command->answer);
}

static void
answer_positions (struct command *command)
{
  json_builder_set_member_name (command->answer, "actuators");
  json_builder_begin_array (command->answer);
  for (unsigned i = 0; i < BPG_PORT_ACTUATORS; i++)
    json_builder_add_int_value (command->answer, command->arm->position[i]);
  json_builder_end_array (command->answer);
}

static void
answer_slots (struct command *command)
{
  const struct bpg_slots *slots = &command->arm->control.slots;
  static const char *const states[] = { "stable", "pending", "trial" };
  static const char *const choices[]
    = { "nothing", "confirmed", "trial", "permanent", "revert", "rescue" };

  answer_text (command, "model_state", states[slots->record.entries[BPG_IMAGE_MODEL].state]);
  answer_text (command, "model_choice", choices[slots->choice]);
  if (slots->active[BPG_IMAGE_MODEL] != BPG_BOOT_NO_SLOT)
    answer_text (command, "model_slot", slots->active[BPG_IMAGE_MODEL] == 0 ? "A" : "B");
  if (command->arm->control.recognizing)
    answer_hex (command, "model", command->arm->control.model_hash,
                BPG_BPM_DIGEST_LENGTH);
}

static void
answer_line (struct command *command)
{
  const struct sim_line *line = &command->arm->line;

  answer_bool (command, "plugged", line->fd >= 0);
  answer_bool (command, "peer", line->peer);
  if (line->fd >= 0 && line->name != NULL)
    answer_text (command, "pty", line->name);
  answer_int (command, "sent", line->sent);
  answer_int (command, "received", line->received);
  answer_int (command, "garbage", command->arm->control.demux.garbage);
  answer_int (command, "dropped_frames", command->arm->control.stream.dropped);
}

static bool
run_status (struct command *command, GError **error)
{
  static const char *const reasons[] = { "power-on", "reset", "watchdog", "power-cut" };
  struct simlimb *arm = command->arm;

  simlimb_advance (arm);
  answer_bool (command, "powered", arm->powered);
  answer_text (command, "boot", reasons[arm->boot_reason]);
  answer_int (command, "starts", arm->starts);
  answer_int (command, "flash_operations", sim_flash_operations (&arm->flash));
  answer_int (command, "sample", arm->electrodes.next);
  answer_int (command, "tick_us", (guint64) arm->emulated);
  answer_int (command, "monotonic_us", (guint64) g_get_monotonic_time ());
  answer_line (command);
  if (!arm->powered)
    return true;
  answer_text (command, "binding", bpg_binding_state (&arm->control.binding));
  answer_bool (command, "button", arm->control.binding.wish != BPG_BINDING_NOTHING);
  answer_slots (command);
  answer_int (command, "decisions", arm->control.decisions);
  answer_int (command, "movement", arm->control.movement);
  answer_int (command, "dead", arm->control.dead);
  answer_int (command, "stops", arm->control.guard.stops);
  answer_int (command, "lost_samples", arm->control.ring.lost);
  answer_bool (command, "identifying", arm->identifying);
  answer_int (command, "usage_records", arm->control.usage.next);
  answer_positions (command);
  answer_histogram (command);
  return true;
}

static bool
run_truth (struct command *command, GError **error)
{
  gint64 from, to;

  simlimb_advance (command->arm);
  if (!word_as_int (command, 0, 0, G_MAXINT64, &from, error)
      || !word_as_int (command, 1, from, G_MAXINT64, &to, error))
    return false;
  json_builder_set_member_name (command->answer, "segments");
  sim_electrodes_write_truth (&command->arm->electrodes, (guint64) from, (guint64) to,
                              command->answer);
  return true;
}

static bool
run_quit (struct command *command, GError **error)
{
  command->quit = true;
  return true;
}

static const struct
{
  const char *name;
  guint words_least;
  guint words_most;
  bool (*run) (struct command *command, GError **error);
  const char *help;
} commands[] = {
  { "play", 1, 4, run_play, "play REC.json [START COUNT [loop]]  samples to the electrodes, now" },
  { "queue", 1, 4, run_queue, "queue REC.json [START COUNT [loop]] the same, after what plays" },
  { "rest", 0, 1, run_rest, "rest [REC.json]                     the rest of a recording" },
  { "generate", 1, 2, run_generate, "generate MOVEMENT [STRENGTH]        strength 0..1" },
  { "drift", 2, 3, run_drift, "drift DEGREES GAIN [SEED]           put the socket on anew" },
  { "button", 0, 0, run_button, "button                              press the arm's button" },
  { "stick", 1, 1, run_stick, "stick CHANNEL                       an electrode holds its value" },
  { "loose", 1, 1, run_loose, "loose CHANNEL                       an electrode hangs in the air" },
  { "heal", 0, 0, run_heal, "heal                                all electrodes well, no hum" },
  { "hum", 1, 1, run_hum, "hum MICROVOLT                       50 Hz on all electrodes" },
  { "battery", 1, 1, run_battery, "battery PERCENT                     charge" },
  { "worn", 1, 1, run_worn, "worn on|off                         the socket on or off" },
  { "temperature", 1, 1, run_temperature, "temperature DEGREES                 of the drive" },
  { "current", 1, 1, run_current, "current MILLIAMPERE                 beyond what moving takes" },
  { "unplug", 0, 0, run_unplug, "unplug                              pull the cable" },
  { "plug", 0, 0, run_plug, "plug                                put it in: a new pty" },
  { "silent", 1, 1, run_silent, "silent on|off                       plugged in, and nothing is heard" },
  { "power-cut", 0, 2, run_power_cut, "power-cut [at N]                    now, or in the Nth flash operation" },
  { "power-on", 0, 0, run_power_on, "power-on                            after a cut" },
  { "hang", 0, 0, run_hang, "hang                                the arm's program hangs: its watchdog resets it" },
  { "speed", 1, 1, run_speed, "speed N                             times real time" },
  { "baud", 1, 1, run_baud, "baud N                              throttle the line, 0 = not" },
  { "noise", 1, 1, run_noise, "noise N                             damaged bytes in a million" },
  { "status", 0, 0, run_status, "status                              everything there is to know" },
  { "truth", 2, 2, run_truth, "truth FROM TO                       what was played at which sample" },
  { "quit", 0, 0, run_quit, "quit                                end the process" },
};

const char *
sim_console_help (void)
{
  static char *text;

  if (text == NULL)
    {
      GString *lines = g_string_new ("Commands on the control socket, one a line; each is answered "
                                     "with a line of JSON:\n");

      for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
        g_string_append_printf (lines, "  %s\n", commands[i].help);
      text = g_string_free (lines, FALSE);
    }
  return text;
}

static bool
dispatch (struct command *command, const char *name, GError **error)
{
  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
    {
      if (strcmp (name, commands[i].name) != 0)
        continue;
      if (command->n_words < commands[i].words_least || command->n_words > commands[i].words_most)
        return refuse (error, commands[i].help);
      return commands[i].run (command, error);
    }
  return refuse (error, "no such command");
}

static char *
finish_answer (JsonBuilder *builder)
{
  g_autoptr (JsonNode) root = NULL;

  json_builder_end_object (builder);
  root = json_builder_get_root (builder);
  return json_to_string (root, FALSE);
}

static char *
answer_error (const GError *error)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autofree char *message = g_utf8_make_valid (error->message, -1);

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "ok");
  json_builder_add_boolean_value (builder, FALSE);
  json_builder_set_member_name (builder, "error");
  json_builder_add_string_value (builder, message);
  return finish_answer (builder);
}

char *
sim_console_run (struct simlimb *arm, const char *line, bool *quit)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_auto (GStrv) words = NULL;
  struct command command = { .arm = arm, .answer = builder };
  int count = 0;

  *quit = false;
  if (!g_utf8_validate (line, -1, NULL) || !g_shell_parse_argv (line, &count, &words, &error))
    {
      if (error == NULL)
        refuse (&error, "the line is not UTF-8");
      return answer_error (error);
    }
  command.words = words + 1;
  command.n_words = (guint) count - 1;
  json_builder_begin_object (builder);
  answer_bool (&command, "ok", true);
  if (!dispatch (&command, words[0], &error))
    return answer_error (error);
  *quit = command.quit;
  return finish_answer (builder);
}
