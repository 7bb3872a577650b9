/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-bench-follow.h"
#include "bpg-bench-player.h"
#include "bpg-pin.h"
#include "bpg-progress.h"
#include "bpg-background.h"

#include <math.h>
#include <string.h>

#define FOLLOW_DELAY_MS 100 /* as slow as a quick wearer */

static char *key_option;
static char *pin_file_option;
static char *like_option;
static int rate_option;
static int channels_option;
static double lsb_option;
static char *unit_option;
static int start_option = -1;
static int count_option = -1;
static char *movement_option;
static gboolean loop_option;

static char *
format_scale (GVariant *value)
{
  return g_strdup_printf ("%.9g", g_variant_get_double (value));
}

static const BpgField state_fields[] = {
  {"id", N_("Prosthesis")},
  {"bench", N_("Bench mode"), bpg_format_yes_no},
  {"rate", N_("Sampling rate"), bpg_format_hertz},
  {"channels", N_("Electrodes")},
  {"lsb", N_("A count"), format_scale},
  {"unit", N_("Unit")},
  {"room", N_("Room for samples")},
  {NULL},
};

static const BpgField play_fields[] = {
  {"samples", N_("Samples")},
  {"seconds", N_("Time"), bpg_format_seconds},
  {"doubtful", N_("Perhaps lost")},
  {NULL},
};

static const BpgField follow_fields[] = {
  {"session", N_("Session")},
  {"state", N_("State")},
  {"holds", N_("Movements made")},
  {"missing", N_("Movements missing")},
  {NULL},
};

/* What one run of a verb shares with its thread. */
typedef struct {
  BpgCtl *ctl;
  GCancellable *cancellable;
  BpgBench *bench;
  char *id;
  BpgConverter converter;
  BpgSigningKey *key;
  BpgBenchState state;
  BpgBenchPlayer player;
  BpgBenchFollow *follow;
  gboolean draw;
} Task;

static void
task_clear (Task *self)
{
  g_clear_pointer (&self->follow, bpg_bench_follow_free);
  g_clear_pointer (&self->player.feed, bpg_bench_feed_free);
  g_clear_pointer (&self->bench, bpg_bench_free);
  g_clear_pointer (&self->key, bpg_signing_key_unref);
  g_clear_pointer (&self->id, g_free);
  g_clear_object (&self->cancellable);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Task, task_clear)

/* Finds the arm. @typed (nullable): its name. */
static gboolean
task_begin (Task *self, BpgCtl *ctl, const char *typed, GError **error)
{
  g_autoptr (BpgObject) prosthesis = bpg_ctl_find (ctl, BPG_THING_PROSTHESIS, typed, error);

  if (prosthesis == NULL)
    return FALSE;
  self->ctl = ctl;
  self->cancellable = g_cancellable_new ();
  self->bench = bpg_bench_new (ctl, prosthesis, self->cancellable);
  self->id = bpg_object_get_string (prosthesis, "Prosthesis1.DeviceId");
  self->draw = !ctl->quiet && bpg_progress_is_wanted ();
  return TRUE;
}

static const char *
get_first (BpgCtl *ctl)
{
  return ctl->n_arguments > 0 ? ctl->arguments[0] : NULL;
}

static GVariant *
describe (Task *self)
{
  GVariantDict row;

  g_variant_dict_init (&row, NULL);
  g_variant_dict_insert (&row, "id", "s", self->id);
  g_variant_dict_insert (&row, "bench", "b", self->state.on);
  g_variant_dict_insert (&row, "rate", "u", self->state.converter.rate);
  g_variant_dict_insert (&row, "channels", "u", self->state.converter.channels);
  g_variant_dict_insert (&row, "lsb", "d", (double) self->state.converter.lsb_nano / 1e9);
  g_variant_dict_insert (&row, "unit", "s", bpg_unit_name (self->state.converter.unit));
  g_variant_dict_insert (&row, "room", "u", self->state.room);
  return g_variant_ref_sink (g_variant_dict_end (&row));
}

static gboolean
read_state (gpointer data, GCancellable *cancellable, GError **error)
{
  Task *self = data;
  gboolean good = bpg_bench_read (self->bench, &self->state, error);

  bpg_bench_release (self->bench);
  return good;
}

static gboolean
run_show (BpgCtl *ctl, GError **error)
{
  g_auto (Task) self = {0};
  g_autoptr (GVariant) row = NULL;

  if (!task_begin (&self, ctl, get_first (ctl), error) ||
      !bpg_ctl_run_work (ctl, read_state, NULL, &self, self.cancellable, error))
    return FALSE;
  row = describe (&self);
  bpg_output_row (ctl->output, state_fields, row);
  return TRUE;
}

/* What the options say of the electrodes. */
static gboolean
get_converter (BpgCtl *ctl, BpgConverter *converter, GError **error)
{
  gboolean told = rate_option != 0 || channels_option != 0 || lsb_option != 0.0 || unit_option != NULL;
  g_autoptr (BpgOpened) opened = NULL;

  if (told == (like_option != NULL))
    return bpg_ctl_usage (error, _("Say which electrodes: --like RECORDING, or --rate, --channels, --lsb and --unit"));
  if (told) {
    if (rate_option <= 0 || channels_option <= 0 || lsb_option < 1e-9 || lsb_option > 1e9 || unit_option == NULL)
      return bpg_ctl_usage (error, _("--rate, --channels, --lsb and --unit go together, none of them 0"));
    *converter = (BpgConverter){(guint) rate_option, (guint) channels_option, (guint64) llround (lsb_option * 1e9),
                                bpg_unit_from_name (unit_option)};
    return converter->unit != 0 || bpg_ctl_usage (error, _("'%s' is no unit an arm knows"), unit_option);
  }
  opened = bpg_ctl_open (ctl, like_option, error);
  if (opened == NULL)
    return FALSE;
  *converter = bpg_converter_of_recording (opened->file->recording);
  return TRUE;
}

static gboolean
unlock (gpointer data, GCancellable *cancellable, GError **error)
{
  Task *self = data;

  return bpg_bench_unlock (self->bench, self->key, &self->converter, error) && read_state (self, cancellable, error);
}

static void
draw_waiting (gpointer data)
{
  Task *self = data;

  if (self->draw)
    bpg_progress_show (_("Waiting for the arm"), -1.0, "");
}

static gboolean
run_unlock (BpgCtl *ctl, GError **error)
{
  g_auto (Task) self = {0};
  BpgPin pin = {pin_file_option, !ctl->no_ask};
  g_autoptr (GVariant) row = NULL;
  g_autofree char *electrodes = NULL;

  if (key_option == NULL)
    return bpg_ctl_usage (error, _("--key is needed: a file, or the URI of a key in a token"));
  if (!get_converter (ctl, &self.converter, error) || !task_begin (&self, ctl, get_first (ctl), error))
    return FALSE;
  self.key = bpg_signing_key_open (key_option, bpg_pin_get, &pin, error);
  if (self.key == NULL || !bpg_ctl_run_work (ctl, unlock, draw_waiting, &self, self.cancellable, error))
    return FALSE;
  row = describe (&self);
  if (ctl->output->mode != BPG_OUTPUT_HUMAN)
    bpg_output_row (ctl->output, state_fields, row);
  electrodes = bpg_converter_format (&self.state.converter);
  bpg_ctl_note (ctl, _("%s is in bench mode, with %s. It ends with its power, or with 'bionicctl bench off'."), self.id,
                electrodes);
  return TRUE;
}

static gboolean
end (gpointer data, GCancellable *cancellable, GError **error)
{
  return bpg_bench_end (((Task *) data)->bench, error);
}

static gboolean
run_off (BpgCtl *ctl, GError **error)
{
  g_auto (Task) self = {0};

  if (!task_begin (&self, ctl, get_first (ctl), error) ||
      !bpg_ctl_run_work (ctl, end, draw_waiting, &self, self.cancellable, error))
    return FALSE;
  bpg_ctl_note (ctl, _("%s has its own electrodes again"), self.id);
  return TRUE;
}

static gboolean
press (gpointer data, GCancellable *cancellable, GError **error)
{
  Task *self = data;
  gboolean good = bpg_bench_press (self->bench, error);

  bpg_bench_release (self->bench);
  return good;
}

static gboolean
run_press (BpgCtl *ctl, GError **error)
{
  g_auto (Task) self = {0};

  return task_begin (&self, ctl, get_first (ctl), error) &&
         bpg_ctl_run_work (ctl, press, NULL, &self, self.cancellable, error);
}

/* NAME or NAME:REP. */
static gboolean
parse_movement (char **name, guint *repetition, GError **error)
{
  const char *colon = strrchr (movement_option, ':');
  guint64 number = 0;

  if (colon != NULL && !g_ascii_string_to_unsigned (colon + 1, 10, 1, G_MAXUINT16, &number, NULL))
    return bpg_ctl_usage (error, _("'%s' is not NAME or NAME:REPETITION"), movement_option);
  *name = colon != NULL ? g_strndup (movement_option, (gsize) (colon - movement_option)) : g_strdup (movement_option);
  *repetition = (guint) number;
  return TRUE;
}

static gboolean
add_span (BpgEmgRecording *recording, GArray *pieces, GError **error)
{
  gsize all = bpg_emg_recording_get_n_samples (recording);
  BpgPiece piece = {recording, (gsize) MAX (start_option, 0), 0};

  if (piece.start >= all || (count_option >= 0 && (gsize) count_option > all - piece.start) || count_option == 0)
    return bpg_ctl_usage (error, _("%s has %zu samples"), bpg_emg_recording_get_path (recording), all);
  piece.count = count_option > 0 ? (gsize) count_option : all - piece.start;
  g_array_append_val (pieces, piece);
  return TRUE;
}

static gboolean
add_pieces (BpgEmgRecording *recording, GArray *pieces, GError **error)
{
  g_autofree char *name = NULL;
  guint repetition = 0;

  if (movement_option == NULL)
    return add_span (recording, pieces, error);
  if (!parse_movement (&name, &repetition, error))
    return FALSE;
  bpg_piece_find (recording, name, repetition, pieces);
  return TRUE;
}

/* Opens the recordings, which must be of the same electrodes, and picks what to play. */
static gboolean
open_pieces (Task *self, GPtrArray *files, GArray *pieces, GError **error)
{
  for (guint i = 1; i < self->ctl->n_arguments; i++) {
    BpgOpened *opened = bpg_ctl_open (self->ctl, self->ctl->arguments[i], error);
    BpgConverter converter;

    if (opened == NULL)
      return FALSE;
    g_ptr_array_add (files, opened);
    converter = bpg_converter_of_recording (opened->file->recording);
    if (i > 1 && !bpg_converter_equal (&converter, &self->converter)) {
      g_set_error (error, BPG_ERROR, BPG_ERROR_INCOMPATIBLE, _("%s is of other electrodes than %s"),
                   self->ctl->arguments[i], self->ctl->arguments[1]);
      return FALSE;
    }
    self->converter = converter;
    if (!add_pieces (opened->file->recording, pieces, error))
      return FALSE;
  }
  if (pieces->len > 0)
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_NOT_FOUND, _("No recording has %s"), movement_option);
  return FALSE;
}

static void
draw_playing (gpointer data)
{
  Task *self = data;
  BpgBenchPlayer *player = &self->player;
  double seconds = (double) g_atomic_int_get (&player->sent) / player->converter.rate;
  g_autofree char *detail = NULL;

  if (!self->draw)
    return;
  detail = g_strdup_printf ("%.1f s  %s", seconds, self->follow != NULL ? bpg_bench_follow_get_text (self->follow) : "");
  bpg_progress_show (_("Playing"), player->total > 0 ? seconds * player->converter.rate / (double) player->total : -1.0,
                     detail);
}

static GVariant *
describe_playing (const BpgBenchPlayer *player, double seconds)
{
  GVariantDict row;

  g_variant_dict_init (&row, NULL);
  g_variant_dict_insert (&row, "samples", "u", (guint32) player->sent);
  g_variant_dict_insert (&row, "seconds", "d", seconds);
  g_variant_dict_insert (&row, "doubtful", "u", (guint32) player->doubtful);
  return g_variant_ref_sink (g_variant_dict_end (&row));
}

static gboolean
run_player (gpointer data, GCancellable *cancellable, GError **error)
{
  return bpg_bench_player_run (&((Task *) data)->player, cancellable, error);
}

/* What goes on for ever ends well when it is stopped. */
static gboolean
play (Task *self, gboolean endless, GVariant **row, GError **error)
{
  g_autoptr (GError) local = NULL;
  gint64 begun = g_get_monotonic_time ();
  gboolean good;

  self->player.bench = self->bench;
  self->player.converter = self->converter;
  good = bpg_ctl_run_work (self->ctl, run_player, draw_playing, self, self->cancellable, &local);
  *row = describe_playing (&self->player, (double) (g_get_monotonic_time () - begun) / G_USEC_PER_SEC);
  if (good || (endless && g_error_matches (local, BPG_ERROR, BPG_ERROR_CANCELLED)))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  self->ctl->result = g_variant_ref (*row);
  return FALSE;
}

static gboolean
run_play (BpgCtl *ctl, GError **error)
{
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func ((GDestroyNotify) bpg_opened_free);
  g_autoptr (GArray) pieces = g_array_new (FALSE, FALSE, sizeof (BpgPiece));
  g_auto (Task) self = {.player.feed = bpg_bench_feed_new ()};
  g_autoptr (GVariant) row = NULL;

  if (movement_option != NULL && (start_option >= 0 || count_option >= 0))
    return bpg_ctl_usage (error, _("--movement and --start or --count exclude each other"));
  if (!task_begin (&self, ctl, get_first (ctl), error) || !open_pieces (&self, files, pieces, error))
    return FALSE;
  for (guint i = 0; i < pieces->len && !loop_option; i++)
    self.player.total += g_array_index (pieces, BpgPiece, i).count;
  bpg_bench_feed_play (self.player.feed, (const BpgPiece *) (void *) pieces->data, pieces->len, loop_option);
  if (!play (&self, loop_option, &row, error))
    return FALSE;
  bpg_output_row (ctl->output, play_fields, row);
  return TRUE;
}

/* One name is the recording, for the only arm; two are the arm and the recording. */
static gboolean
run_follow (BpgCtl *ctl, GError **error)
{
  gboolean both = ctl->n_arguments == 2;
  g_autoptr (BpgOpened) opened = NULL;
  g_auto (Task) self = {.player.feed = bpg_bench_feed_new (), .player.delay_ms = FOLLOW_DELAY_MS};
  g_autoptr (BpgObject) prosthesis = NULL;
  g_autoptr (GVariant) row = NULL;
  g_autoptr (GVariant) figures = NULL;

  prosthesis = bpg_ctl_find (ctl, BPG_THING_PROSTHESIS, both ? ctl->arguments[0] : NULL, error);
  opened = prosthesis != NULL ? bpg_ctl_open (ctl, ctl->arguments[both ? 1 : 0], error) : NULL;
  if (opened == NULL || !task_begin (&self, ctl, prosthesis->path, error))
    return FALSE;
  self.converter = bpg_converter_of_recording (opened->file->recording);
  self.follow = bpg_bench_follow_new (ctl, prosthesis->path, opened->file->recording, self.player.feed,
                                      self.cancellable, error);
  if (self.follow == NULL || !play (&self, TRUE, &figures, error))
    return FALSE;
  row = bpg_bench_follow_conclude (self.follow, error);
  if (row == NULL)
    return FALSE;
  if (ctl->output->mode != BPG_OUTPUT_HUMAN)
    bpg_output_line (ctl->output, row);
  else
    bpg_output_row (ctl->output, follow_fields, row);
  return TRUE;
}

static const GOptionEntry unlock_options[] = {
  {"key", 0, 0, G_OPTION_ARG_STRING, &key_option, N_("The key the arm's firmware is signed by: a file, or a pkcs11: URI"),
   N_("KEY")},
  {"pin-file", 0, 0, G_OPTION_ARG_FILENAME, &pin_file_option, N_("File with the token's PIN or the key's password"),
   N_("FILE")},
  {"like", 0, 0, G_OPTION_ARG_STRING, &like_option, N_("Electrodes as those of this recording"), N_("RECORDING")},
  {"rate", 0, 0, G_OPTION_ARG_INT, &rate_option, N_("Samples a second"), N_("HZ")},
  {"channels", 0, 0, G_OPTION_ARG_INT, &channels_option, N_("Electrodes"), N_("N")},
  {"lsb", 0, 0, G_OPTION_ARG_DOUBLE, &lsb_option, N_("What one count is worth"), N_("VALUE")},
  {"unit", 0, 0, G_OPTION_ARG_STRING, &unit_option, N_("Of what"), N_("UNIT")},
  {NULL},
};

static const GOptionEntry play_options[] = {
  {"start", 0, 0, G_OPTION_ARG_INT, &start_option, N_("From this sample on"), N_("N")},
  {"count", 0, 0, G_OPTION_ARG_INT, &count_option, N_("So many samples"), N_("N")},
  {"movement", 'm', 0, G_OPTION_ARG_STRING, &movement_option, N_("Only where this movement was made"),
   N_("NAME[:REPETITION]")},
  {"loop", 'l', 0, G_OPTION_ARG_NONE, &loop_option, N_("Over and over, until Ctrl-C"), NULL},
  {NULL},
};

const BpgVerb bpg_verb_bench = {
  .name = "bench",
  .arguments = N_("[PROSTHESIS]"),
  .summary = N_("Show whether an arm takes samples over its link; see also bench unlock, play"),
  .details = N_("Example:\n  bionicctl bench BP-0001"),
  .maximum = 1,
  .run = run_show,
};

const BpgVerb bpg_verb_bench_unlock = {
  .name = "bench unlock",
  .arguments = N_("[PROSTHESIS] --key KEY --like RECORDING"),
  .summary = N_("Let a bare board be played recordings in the electrodes' place"),
  .details = N_("Only who signs the arm's firmware may: a hand that somebody wears must not be moved over its link. The\n"
                "arm starts anew, and stays in bench mode until its power is gone or 'bench off'.\n\n"
                "Examples:\n  bionicctl bench unlock --key release.pem --like day1.json\n"
                "  bionicctl bench unlock BP-0001 --key pkcs11:object=release --rate 1000 --channels 8 --lsb 0.1 --unit microvolt"),
  .maximum = 1,
  .options = unlock_options,
  .run = run_unlock,
};

const BpgVerb bpg_verb_bench_play = {
  .name = "bench play",
  .arguments = N_("PROSTHESIS RECORDING…"),
  .summary = N_("Play recordings to an arm in bench mode, as fast as it samples"),
  .details = N_("Files (.json, .bpr, .edf, .csv) or recordings of the records service.\n\n"
                "Examples:\n  bionicctl bench play BP-0001 day1.json --movement hand_close:2\n"
                "  bionicctl bench play BP-0001 day1.json --start 3000 --count 600 --loop"),
  .minimum = 2,
  .maximum = 64,
  .options = play_options,
  .run = run_play,
};

const BpgVerb bpg_verb_bench_follow = {
  .name = "bench follow",
  .arguments = N_("[PROSTHESIS] RECORDING"),
  .summary = N_("Be the wearer of an arm in bench mode: do what a session asks for"),
  .details = N_("Plays rest, and each movement that is prompted. Start it, then 'bionicctl session' in another terminal; it\n"
                "ends with the session.\n\nExample:\n  bionicctl bench follow BP-0001 day1.json"),
  .minimum = 1,
  .maximum = 2,
  .run = run_follow,
};

const BpgVerb bpg_verb_bench_press = {
  .name = "bench press",
  .arguments = N_("[PROSTHESIS]"),
  .summary = N_("Press the button of an arm in bench mode"),
  .details = N_("Example:\n  bionicctl bench press BP-0001"),
  .maximum = 1,
  .run = run_press,
};

const BpgVerb bpg_verb_bench_off = {
  .name = "bench off",
  .arguments = N_("[PROSTHESIS]"),
  .summary = N_("Give an arm its own electrodes back"),
  .details = N_("The arm starts anew.\n\nExample:\n  bionicctl bench off BP-0001"),
  .maximum = 1,
  .run = run_off,
};
