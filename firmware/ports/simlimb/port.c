/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "control/port.h"

#include <gnutls/crypto.h>

#include "simlimb.h"

/* Current of an actuator that is being moved. */
#define ACTUATOR_MA 120u
#define IDLE_MA 40u
/* The program stands while flash erases a sector, and for so long it does. */
#define ERASE_US 45000u
#define BATTERY_EMPTY_MV 6000u
#define BATTERY_MV_A_PERCENT 24u

uint64_t
bpg_port_now_us (void)
{
  uint64_t now = simlimb->event + (uint64_t) (g_get_monotonic_time () - simlimb->origin);

  if (now < simlimb->last_now)
    now = simlimb->last_now;
  simlimb->last_now = now;
  return now;
}

void
bpg_port_watchdog_feed (void)
{
  simlimb->watchdog_fed = simlimb->event;
  simlimb->stood_us = 0;
}

enum bpg_boot_reason
bpg_port_boot_reason (void)
{
  return simlimb->boot_reason;
}

uint8_t
bpg_port_firmware_slot (void)
{
  return simlimb->firmware_slot;
}

void
bpg_port_reset (void)
{
  simlimb->reset_wanted = true;
}

const struct bpg_port_electrodes *
bpg_port_electrodes (void)
{
  return simlimb->bench.on ? &simlimb->bench.electrodes : &simlimb->electrodes.port;
}

uint16_t
bpg_port_lead_off (void)
{
  return simlimb->bench.on ? 0 : simlimb->electrodes.loose;
}

bool
bpg_port_bench_set (const struct bpg_port_electrodes *electrodes)
{
  sim_bench_set (&simlimb->next_bench, electrodes);
  return true;
}

unsigned
bpg_port_bench_room (void)
{
  return simlimb->bench.on ? SIM_BENCH_QUEUE - simlimb->bench.count : 0;
}

void
bpg_port_bench_push (const int16_t *values)
{
  sim_bench_push (&simlimb->bench, values);
}

bool
bpg_port_is_bench (void)
{
  return simlimb->bench.on;
}

void
bpg_port_actuator_set (unsigned index, uint16_t position)
{
  simlimb->position[index] = position;
  simlimb->actuator_commands++;
}

uint16_t
bpg_port_actuator_position (unsigned index)
{
  return simlimb->position[index];
}

uint32_t
bpg_port_current_ma (void)
{
  uint32_t current = IDLE_MA + simlimb->current_ma;

  for (unsigned i = 0; i < BPG_PORT_ACTUATORS; i++)
    {
      if (simlimb->control.actuators.velocity[i] != 0)
        current += ACTUATOR_MA;
    }
  return current;
}

int32_t
bpg_port_temperature_dc (void)
{
  return simlimb->temperature_dc;
}

void
bpg_port_identify (bool on)
{
  simlimb->identifying = on;
}

unsigned
bpg_port_battery_percent (void)
{
  return simlimb->battery_percent;
}

unsigned
bpg_port_battery_mv (void)
{
  return BATTERY_EMPTY_MV + BATTERY_MV_A_PERCENT * simlimb->battery_percent;
}

bool
bpg_port_worn (void)
{
  return simlimb->worn;
}

uint32_t
bpg_port_flash_size (enum bpg_flash_area area)
{
  return sim_flash_size (area);
}

const uint8_t *
bpg_port_flash_map (enum bpg_flash_area area)
{
  return sim_flash_map (&simlimb->flash, area);
}

bool
bpg_port_flash_write (enum bpg_flash_area area, uint32_t offset, const uint8_t *bytes,
                      uint32_t length)
{
  return sim_flash_write (&simlimb->flash, area, offset, bytes, length);
}

bool
bpg_port_flash_erase (enum bpg_flash_area area, uint32_t offset)
{
  simlimb->stood_us += ERASE_US;
  if (simlimb->stood_us > SIM_WATCHDOG_US)
    simlimb->hung = true;
  return sim_flash_erase (&simlimb->flash, area, offset);
}

uint32_t
bpg_port_flash_operations (void)
{
  return sim_flash_operations (&simlimb->flash);
}

/* Once power has failed nothing leaves the arm, though its program, which
 * does not know it yet, still runs to the end of its round. */

size_t
bpg_port_link_room (void)
{
  return sim_line_room (&simlimb->line);
}

void
bpg_port_link_write (const uint8_t *bytes, size_t length)
{
  if (!simlimb->flash.dead)
    sim_line_write (&simlimb->line, bytes, length);
}

size_t
bpg_port_link_read (uint8_t *bytes, size_t capacity)
{
  return simlimb->flash.dead ? 0 : sim_line_read (&simlimb->line, bytes, capacity);
}

uint32_t
bpg_port_link_rate (void)
{
  return simlimb->line.baud / 10;
}

void
bpg_port_sha256 (const uint8_t *bytes, size_t length, uint8_t hash[32])
{
  sim_element_sha256 (bytes, length, hash);
}

bool
bpg_port_rsa_pss_verify (const uint8_t *spki, size_t spki_length, const uint8_t hash[32],
                         const uint8_t signature[384])
{
  return sim_element_rsa_pss_verify (&simlimb->element, spki, spki_length, hash, signature, 384);
}

bool
bpg_port_random (uint8_t *bytes, size_t length)
{
  return gnutls_rnd (GNUTLS_RND_NONCE, bytes, length) == 0;
}

size_t
bpg_port_element_sign (const uint8_t hash[32], uint8_t signature[72])
{
  return sim_element_sign (&simlimb->element, hash, signature);
}
