/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "control/control.h"

#include <string.h>

#include "control/server.h"
#include "link/little-endian.h"

#define GUARD_PERIOD_US 10000u
#define MINUTE_US 60000000u
#define RESET_MOST_US 1000000u
#define MINUTES_AN_HOUR 60u
/* So many pieces of input are looked at in one round, that samples do not
 * wait behind a flood. */
#define PIECES_A_ROUND 32u
/* And for so long: some requests take their time, above all a signature. */
#define INPUT_US 5000u

static struct bpg_usage_record
begin_record (const struct bpg_control *control, enum bpg_usage_kind kind, unsigned a)
{
  struct bpg_usage_record record = { .kind = (uint8_t) kind, .a = (uint16_t) a };

  record.time = bpg_port_now_us ();
  if (control->clock_set)
    {
      record.time += (uint64_t) control->clock_offset;
      record.flags |= BPG_USAGE_CLOCK_SET;
    }
  return record;
}

static void
append_record (struct bpg_control *control, const struct bpg_usage_record *record)
{
  /* An empty battery writes nothing any more. */
  if (!(control->guard.stops & BPG_GUARD_BATTERY))
    bpg_usage_log_append (&control->usage, record);
}

void
bpg_control_event (struct bpg_control *control, enum bpg_event_kind kind, uint32_t a, uint32_t b)
{
  struct bpg_event event = { .kind = (uint8_t) kind, .a = a, .b = b };
  struct bpg_usage_record record;

  bpg_stream_event (&control->stream, &event, bpg_port_now_us ());
  switch (kind)
    {
    case BPG_EVENT_BATTERY_LOW:
    case BPG_EVENT_OVER_CURRENT:
    case BPG_EVENT_OVER_TEMPERATURE:
    case BPG_EVENT_ELECTRODE_DEAD:
    case BPG_EVENT_FAULT:
      if (control->faults < UINT8_MAX)
        control->faults++;
      record = begin_record (control, BPG_USAGE_FAULT, kind);
      bpg_put_u32 (record.data, a);
      bpg_put_u32 (record.data + 4, b);
      append_record (control, &record);
      break;
    default:
      break;
    }
}

void
bpg_control_log_model (struct bpg_control *control, unsigned slot, enum bpg_usage_model what)
{
  struct bpg_usage_record record
    = begin_record (control, BPG_USAGE_MODEL, slot | (unsigned) what << 8);

  if (slot < BPG_BOOT_SLOTS)
    memcpy (record.data, control->slots.slot[BPG_IMAGE_MODEL][slot].hash, BPG_USAGE_DATA_SIZE);
  append_record (control, &record);
}

void
bpg_control_start_model (struct bpg_control *control)
{
  unsigned slot = control->slots.active[BPG_IMAGE_MODEL];
  bool trial = control->slots.record.entries[BPG_IMAGE_MODEL].state == BPG_BOOT_TRIAL;
  struct bpg_bpm model;
  const uint8_t *bytes;
  size_t length;

  control->movement = 0;
  control->recognizing = false;
  bpg_actuators_stop (&control->actuators);
  bytes = bpg_slots_model (&control->slots, &length);
  if (bytes == NULL || bpg_bpm_parse (bytes, length, &model) != 0)
    return;

  bpg_recognizer_init (&control->recognizer, &model);
  bpg_bpm_digest (bytes, length, control->model_hash);
  control->recognizing = true;
  control->recognizer_first = control->ring.next_index;
  bpg_control_event (control, BPG_EVENT_MODEL_STARTED, slot | (trial ? 0x100u : 0),
                     control->recognizer_first);
  bpg_control_log_model (control, slot, trial ? BPG_USAGE_MODEL_TRIAL : BPG_USAGE_MODEL_STARTED);
}

/* Reads the board's sensors and judges them; returns the stops that began. */
static uint8_t
read_board (struct bpg_control *control, uint64_t now, struct bpg_guard_reading *reading)
{
  control->looked = now;
  reading->battery_percent = bpg_port_battery_percent ();
  reading->current_ma = bpg_port_current_ma ();
  reading->temperature_dc = bpg_port_temperature_dc ();
  reading->dead = control->dead;
  if (control->recognizing)
    reading->dead &= (uint16_t) ~bpg_recognizer_does_without (&control->recognizer);
  return bpg_guard_update (&control->guard, reading, now);
}

/* Says what began with a reading; @was_low: the battery was too low to write. */
static void
report_board (struct bpg_control *control, uint8_t began, bool was_low,
              const struct bpg_guard_reading *reading)
{
  bool now_low = control->guard.write_low && !was_low
                 && !(control->guard.stops & BPG_GUARD_BATTERY);

  if ((began & BPG_GUARD_BATTERY) || now_low)
    bpg_control_event (control, BPG_EVENT_BATTERY_LOW, reading->battery_percent,
                       bpg_port_battery_mv ());
  if (began & BPG_GUARD_CURRENT)
    bpg_control_event (control, BPG_EVENT_OVER_CURRENT, reading->current_ma, 0);
  if (began & BPG_GUARD_TEMPERATURE)
    bpg_control_event (control, BPG_EVENT_OVER_TEMPERATURE, (uint32_t) reading->temperature_dc, 0);
}

/* Logs the start, and that a trial ended with it. */
static void
log_start (struct bpg_control *control)
{
  unsigned slot = control->slots.active[BPG_IMAGE_MODEL];
  struct bpg_usage_record record = begin_record (control, BPG_USAGE_START, bpg_port_boot_reason ());

  if (slot < BPG_BOOT_SLOTS)
    memcpy (record.data, control->slots.slot[BPG_IMAGE_MODEL][slot].hash, BPG_USAGE_DATA_SIZE);
  append_record (control, &record);
  if (control->slots.choice == BPG_BOOT_CHOSE_REVERT)
    bpg_control_log_model (control, 1 - slot, BPG_USAGE_MODEL_REVERTED);
}

bool
bpg_control_init (struct bpg_control *control)
{
  const struct bpg_port_electrodes *electrodes = bpg_port_electrodes ();
  struct bpg_guard_reading reading;
  uint64_t now = bpg_port_now_us ();
  uint8_t began;

  memset (control, 0, sizeof *control);
  if (!bpg_factory_load (&control->factory))
    return false;
  bpg_port_sha256 (control->factory.key.bytes, control->factory.key.length, control->fingerprint);
  bpg_binding_load (&control->binding);
  bpg_usage_log_load (&control->usage);
  bpg_upload_init (&control->upload);
  bpg_sample_ring_init (&control->ring);
  bpg_electrode_watch_init (&control->watch, electrodes->rate, electrodes->channels);
  bpg_guard_init (&control->guard);
  bpg_actuators_init (&control->actuators);
  bpg_stream_init (&control->stream, electrodes->channels);
  bpg_demux_init (&control->demux);
  /* The guard stands before the first sample and the first request. A model
   * starts its trial when a reset was asked for, never because the power
   * happened to come back or on a battery that allows no trial. */
  began = read_board (control, now, &reading);
  bpg_slots_load (&control->slots, &control->factory, &control->binding,
                  bpg_port_boot_reason () == BPG_BOOT_RESET && bpg_guard_may_write (&control->guard),
                  now);
  control->actuated = now;
  control->minute = now;

  log_start (control);
  report_board (control, began, false, &reading);
  bpg_control_start_model (control);
  return true;
}

void
bpg_control_sample (struct bpg_control *control, const int16_t *values, uint64_t tick)
{
  bpg_sample_ring_push (&control->ring, values, bpg_port_electrodes ()->channels, tick);
}

/* Says which electrodes died or came back. */
static void
report_electrodes (struct bpg_control *control, uint16_t dead)
{
  uint16_t changed = control->dead ^ dead;

  control->dead = dead;
  for (unsigned channel = 0; changed != 0; channel++, changed >>= 1)
    {
      if (changed & 1)
        bpg_control_event (control,
                           dead >> channel & 1 ? BPG_EVENT_ELECTRODE_DEAD : BPG_EVENT_ELECTRODE_OK,
                           channel, dead);
    }
}

/* Moves the actuators on to the present. */
static void
actuate (struct bpg_control *control, uint64_t now)
{
  uint64_t since = now - control->actuated;

  control->actuated = now;
  bpg_actuators_step (&control->actuators, since > UINT32_MAX ? UINT32_MAX : (uint32_t) since);
}

static void
count_movement (struct bpg_control *control, uint8_t movement)
{
  if (movement != control->movement && movement < BPG_CONTROL_GESTURES
      && control->movements_begun[movement] < UINT8_MAX)
    control->movements_begun[movement]++;
  control->movement = movement;
}

/* From the decision to the actuators' command, whose time is taken. */
static void
act_on_decision (struct bpg_control *control, const struct bpg_decision *decision, uint64_t tick)
{
  struct bpg_decision_report report = {
    .sample = control->recognizer_first + decision->sample,
    .raw = decision->raw,
    .movement = decision->movement,
    .flags = decision->flags,
    .confidence = decision->confidence,
    .speed = decision->speed,
    .distance = decision->distance,
  };
  uint64_t now;

  if (bpg_guard_may_move (&control->guard))
    bpg_actuators_aim (&control->actuators, decision->movement, decision->speed);
  else
    bpg_actuators_stop (&control->actuators);
  now = bpg_port_now_us ();
  actuate (control, now);
  now = bpg_port_now_us ();

  report.latency_us = now > tick ? (uint32_t) (now - tick) : 0;
  control->latency[bpg_latency_bucket (report.latency_us)]++;
  control->decisions++;
  count_movement (control, decision->movement);
  bpg_stream_decision (&control->stream, &report, tick);
}

/* What an electrode delivers that is loose or at a rail is not the wearer's: to the recogniser it is stuck where it
 * was, without a step. */
static bool
recognize (struct bpg_control *control, const int16_t *values, uint16_t dead, struct bpg_decision *decision)
{
  for (unsigned channel = 0; channel < control->recognizer.model.channels; channel++)
    {
      if (!(dead >> channel & 1))
        control->trusted[channel] = values[channel];
    }
  return bpg_recognizer_push (&control->recognizer, control->trusted, decision);
}

static void
take_samples (struct bpg_control *control)
{
  const struct bpg_sample *sample;
  struct bpg_decision decision;

  while ((sample = bpg_sample_ring_peek (&control->ring)) != NULL)
    {
      uint16_t dead = bpg_electrode_watch_push (&control->watch, sample->values, bpg_port_lead_off ());

      if (dead != control->dead)
        report_electrodes (control, dead);
      /* The decision first: the wearer waits for it, the stream does not. */
      if (control->recognizing && recognize (control, sample->values, dead, &decision))
        act_on_decision (control, &decision, sample->tick);
      bpg_stream_sample (&control->stream, sample, control->dead);
      bpg_sample_ring_drop (&control->ring);
    }
}

static void
look_around (struct bpg_control *control, uint64_t now)
{
  struct bpg_guard_reading reading;
  bool was_low = control->guard.write_low;

  if (now - control->looked < GUARD_PERIOD_US)
    return;
  report_board (control, read_board (control, now, &reading), was_low, &reading);
  if (!bpg_guard_may_move (&control->guard))
    bpg_actuators_stop (&control->actuators);
  actuate (control, now);
}

/* The trial ends without having been confirmed. */
static enum bpg_arm_error
end_trial (struct bpg_control *control)
{
  unsigned slot = control->slots.active[BPG_IMAGE_MODEL];
  enum bpg_arm_error error = bpg_slots_end_trial (&control->slots);

  if (error != BPG_ARM_OK)
    bpg_control_event (control, BPG_EVENT_FAULT, BPG_FAULT_FLASH, 0);
  bpg_control_event (control, BPG_EVENT_TRIAL_ENDED, control->slots.active[BPG_IMAGE_MODEL], 0);
  bpg_control_log_model (control, slot, BPG_USAGE_MODEL_REVERTED);
  bpg_control_start_model (control);
  return error;
}

enum bpg_arm_error
bpg_control_fall_back (struct bpg_control *control)
{
  unsigned slot = control->slots.active[BPG_IMAGE_MODEL];
  enum bpg_arm_error error;

  if (control->slots.record.entries[BPG_IMAGE_MODEL].state == BPG_BOOT_TRIAL)
    return end_trial (control);
  error = bpg_slots_fall_back (&control->slots);
  if (error != BPG_ARM_OK)
    return error;
  bpg_control_log_model (control, slot, BPG_USAGE_MODEL_REVERTED);
  bpg_control_start_model (control);
  return BPG_ARM_OK;
}

static void
log_minute (struct bpg_control *control)
{
  struct bpg_usage_record record
    = begin_record (control, BPG_USAGE_MINUTE, bpg_port_battery_percent ());

  memcpy (record.data, control->movements_begun, BPG_CONTROL_GESTURES);
  record.data[BPG_CONTROL_GESTURES] = control->faults;
  record.data[BPG_CONTROL_GESTURES + 1] = bpg_port_worn () ? 1 : 0;
  append_record (control, &record);
  memset (control->movements_begun, 0, sizeof control->movements_begun);
  control->faults = 0;
}

static void
log_latencies (struct bpg_control *control)
{
  for (unsigned first = 0; first < BPG_LATENCY_BUCKETS; first += 4)
    {
      struct bpg_usage_record record = begin_record (control, BPG_USAGE_LATENCY, first);
      bool any = false;

      for (unsigned i = 0; i < 4; i++)
        {
          uint32_t count = control->latency[first + i] - control->latency_logged[first + i];

          bpg_put_u32 (record.data + i * 4, count);
          any |= count != 0;
        }
      if (any)
        append_record (control, &record);
    }
  memcpy (control->latency_logged, control->latency, sizeof control->latency);
}

static void
run_timers (struct bpg_control *control, uint64_t now)
{
  if (control->slots.trial_end != 0 && now >= control->slots.trial_end)
    end_trial (control);
  bpg_binding_expire (&control->binding, now);
  if (control->identify_end != 0 && now >= control->identify_end)
    {
      control->identify_end = 0;
      bpg_port_identify (false);
    }
  if (now - control->minute >= MINUTE_US)
    {
      control->minute = now;
      log_minute (control);
      if (++control->minutes % MINUTES_AN_HOUR == 0)
        log_latencies (control);
    }
}

static void
handle (struct bpg_control *control, const struct bpg_demux_event *event)
{
  uint8_t reply[BPG_SMP_PACKET_MAX];
  size_t length = bpg_server_handle (control, event->packet, event->packet_length, reply);

  if (length > 0)
    bpg_stream_reply (&control->stream, reply, length);
}

/* More bytes to look at; false when there are none. */
static bool
read_input (struct bpg_control *control)
{
  if (control->input_used < control->input_length)
    return true;
  control->input_used = 0;
  control->input_length = bpg_port_link_read (control->input, sizeof control->input);
  return control->input_length > 0;
}

/* Takes requests as long as there is room for the longest answer: a few bytes
 * can ask for many. What is not taken now waits, as it does behind a request
 * that changed flash: that took its time, and samples come first. */
static void
take_input (struct bpg_control *control)
{
  uint32_t operations = bpg_port_flash_operations ();
  uint64_t begun = bpg_port_now_us ();
  struct bpg_demux_event event;

  for (unsigned i = 0; i < PIECES_A_ROUND; i++)
    {
      if (!bpg_stream_has_room (&control->stream) || !read_input (control)
          || bpg_port_flash_operations () != operations || bpg_port_now_us () - begun >= INPUT_US)
        return;
      control->input_used
        += bpg_demux_push (&control->demux, control->input + control->input_used,
                           control->input_length - control->input_used, &event);
      if (event.kind == BPG_DEMUX_PACKET)
        handle (control, &event);
    }
}

void
bpg_control_run (struct bpg_control *control)
{
  take_samples (control);
  look_around (control, bpg_port_now_us ());
  bpg_stream_pump (&control->stream);
  take_input (control);
  run_timers (control, bpg_port_now_us ());
  if (control->reset_wanted
      && (bpg_stream_is_idle (&control->stream) || bpg_port_now_us () >= control->reset_end))
    {
      control->reset_wanted = false;
      bpg_port_reset ();
    }
  bpg_port_watchdog_feed ();
}

void
bpg_control_reset (struct bpg_control *control)
{
  if (control->reset_wanted)
    return;
  control->reset_wanted = true;
  control->reset_end = bpg_port_now_us () + RESET_MOST_US;
}

/* Models of the owner before must not come alive under the next one. */
static bool
forget_models (struct bpg_control *control)
{
  for (unsigned slot = 0; slot < BPG_BOOT_SLOTS; slot++)
    {
      if (!bpg_upload_forget (&control->upload, BPG_IMAGE_MODEL, slot))
        return false;
    }
  return bpg_slots_forget_models (&control->slots) == BPG_ARM_OK;
}

void
bpg_control_button (struct bpg_control *control)
{
  enum bpg_binding_wish wish = (enum bpg_binding_wish) control->binding.wish;
  struct bpg_usage_record record;
  bool bound = wish == BPG_BINDING_BIND;

  if (wish == BPG_BINDING_NOTHING || !bpg_guard_may_write (&control->guard))
    {
      bpg_control_event (control, BPG_EVENT_BUTTON, BPG_BUTTON_NOTHING, 0);
      return;
    }
  if ((bound && !forget_models (control)) || !bpg_binding_confirm (&control->binding))
    {
      bpg_control_event (control, BPG_EVENT_FAULT, BPG_FAULT_FLASH, 0);
      return;
    }
  /* Who is bound next tries again what fails here. */
  if (!bound && !forget_models (control))
    bpg_control_event (control, BPG_EVENT_FAULT, BPG_FAULT_FLASH, 0);
  bpg_control_start_model (control);
  record = begin_record (control, BPG_USAGE_BINDING, bound ? 1 : 0);
  append_record (control, &record);
  bpg_control_event (control, BPG_EVENT_BUTTON, bound ? BPG_BUTTON_BOUND : BPG_BUTTON_UNBOUND, 0);
}
