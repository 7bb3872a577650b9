/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The electrodes' converter: an ADS1298-class one with eight channels of 24
 * bits on SPI2 (Texas Instruments' data sheet SBAS459), at 1,000 samples a
 * second, gain 6, reference 2.4 V, with a direct current of 6 nA that finds
 * loose electrodes.
 *
 * What comes out are 16 bits a channel. An electrode's offset, up to 300 mV,
 * is a hundred times a muscle's signal: a running mean, which is a high pass
 * at 5 Hz, takes it off first; then the lowest 4 of the 24 bits, which are
 * noise, are dropped, and what is more than 25 mV is clipped.
 *
 * Nothing waits: bpg_spi_adc_step() takes the converter from its power-up to
 * its first sample, and through all of it again when it falls silent, talks
 * nonsense or does not stop to say that it has data.
 */

#include <stdbool.h>
#include <stdint.h>

#define BPG_SPI_ADC_CHANNELS 8u
#define BPG_SPI_ADC_RATE 1000u
#define BPG_SPI_ADC_HIGH_PASS_HZ 5u

/* A count is 2.4 V / 6 / (2^23 - 1) * 2^4, in picovolts. */
#define BPG_SPI_ADC_LSB_PICOVOLT 762939u

/* Bad or early frames in a row before the converter is set up anew. */
#define BPG_SPI_ADC_PATIENCE 8u

/* No frame for so long is silence, in microseconds. */
#define BPG_SPI_ADC_SILENCE_US 20000u

enum bpg_spi_adc_state
{
  BPG_SPI_ADC_POWERING,  /* its supply comes up */
  BPG_SPI_ADC_RESETTING, /* the reset line is low */
  BPG_SPI_ADC_WAKING,    /* it starts after the reset */
  BPG_SPI_ADC_SETTLING,  /* configured; its reference comes up */
  BPG_SPI_ADC_RUNNING,
  BPG_SPI_ADC_FAULTY, /* is another part, or does not keep its configuration; tried again in a second */
};

struct bpg_spi_adc_pins
{
  uint8_t clock;
  uint8_t to_master;
  uint8_t from_master;
  uint8_t select;
  uint8_t data_ready;
  uint8_t reset;
};

struct bpg_spi_adc
{
  struct bpg_spi_adc_pins pins;
  unsigned channels;
  void (*sample) (void *data, const int16_t *values, uint8_t loose, uint64_t now_us);
  void *data;

  /* For the program to read. The counters go on from the init. */
  enum bpg_spi_adc_state state;
  uint8_t loose;       /* electrodes off, a bit a channel, as of the last frame */
  uint8_t id;          /* what the converter said it is */
  uint32_t frames;     /* good ones */
  uint32_t bad_frames; /* without the pattern they begin with; dropped */
  uint32_t storms;     /* times that it said "ready" much too often */
  uint32_t silences;   /* times that it said nothing */
  uint32_t restarts;   /* set-ups after the first */

  uint64_t until_us; /* of the state */
  uint32_t last_us;  /* of the last frame; low part, so that it is read at once */
  unsigned bad_in_row;
  unsigned early_in_row;
  bool stormy;
  bool has_means;
  int32_t means[BPG_SPI_ADC_CHANNELS];
};

/* Leads the pins and starts with the converter's power-up at @now_us.
 * @channels, 1..8, are in use, from the first on; the others are switched off.
 * @sample gets each sample, with @data, in the interrupt. Returns false when
 * a pin is not usable or @channels is not what it may be. */
bool bpg_spi_adc_init (struct bpg_spi_adc *adc, const struct bpg_spi_adc_pins *pins,
                       unsigned channels,
                       void (*sample) (void *data, const int16_t *values, uint8_t loose,
                                       uint64_t now_us),
                       void *data, uint64_t now_us);

/* Goes on; called by the program in each round. At most one set-up of the
 * converter's registers is in a call: 0.5 ms. */
void bpg_spi_adc_step (struct bpg_spi_adc *adc, uint64_t now_us);

/* Gets a frame; called in the interrupt of the pin that says "ready". */
void bpg_spi_adc_interrupt (struct bpg_spi_adc *adc, uint64_t now_us);
