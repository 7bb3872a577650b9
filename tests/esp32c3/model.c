/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model.h"

#include "ports/esp32c3/drivers/registers.h"

#define PERIPHERALS_MAX 16
#define ACCESSES_MAX 1000000u

static ModelPeripheral peripherals[PERIPHERALS_MAX];
static guint peripheral_count;
static GHashTable *words;
static guint accesses;

void
model_reset (void)
{
  peripheral_count = 0;
  accesses = 0;
  g_clear_pointer (&words, g_hash_table_unref);
  words = g_hash_table_new (NULL, NULL);
}

void
model_add (const ModelPeripheral *peripheral)
{
  g_assert_cmpuint (peripheral_count, <, PERIPHERALS_MAX);
  peripherals[peripheral_count++] = *peripheral;
}

void
model_add_memory (guint32 base,
                  guint32 size)
{
  const ModelPeripheral memory = { .base = base, .size = size };

  model_add (&memory);
}

guint32
model_peek (guint32 address)
{
  return GPOINTER_TO_UINT (g_hash_table_lookup (words, GUINT_TO_POINTER (address)));
}

void
model_poke (guint32 address,
            guint32 value)
{
  g_hash_table_insert (words, GUINT_TO_POINTER (address), GUINT_TO_POINTER (value));
}

guint
model_accesses (void)
{
  guint count = accesses;

  accesses = 0;
  return count;
}

static const ModelPeripheral *
find (guint32 address)
{
  if (++accesses > ACCESSES_MAX)
    g_error ("the driver does not end");
  if (address % 4 != 0)
    g_error ("0x%08x is not the address of a word", address);
  for (guint i = 0; i < peripheral_count; i++)
    {
      if (address - peripherals[i].base < peripherals[i].size)
        return &peripherals[i];
    }
  g_error ("no register 0x%08x in this test", address);
}

uint32_t
bpg_reg_read (uint32_t address)
{
  const ModelPeripheral *peripheral = find (address);

  if (peripheral->before_read != NULL)
    peripheral->before_read (peripheral->data, address);
  return model_peek (address);
}

void
bpg_reg_write (uint32_t address,
               uint32_t value)
{
  const ModelPeripheral *peripheral = find (address);
  guint32 before = model_peek (address);

  model_poke (address, value);
  if (peripheral->after_write != NULL)
    peripheral->after_write (peripheral->data, address, before, value);
}
