/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "i2c-model.h"

#include "model.h"
#include "ports/esp32c3/drivers/gpio.h"
#include "ports/esp32c3/drivers/i2c.h"

#define COMMANDS 8
#define DONE_BIT (1u << 31)

ModelI2cFaults model_i2c;

static ModelSlave slaves[4];
static guint slave_count;
static GByteArray *to_send;
static GByteArray *received;
static const ModelSlave *addressed;
static gboolean expects_address;
static gboolean bus_busy;

static gboolean
put_byte (guint8 byte)
{
  if (!expects_address)
    return addressed != NULL && addressed->write (addressed->data, byte);
  expects_address = FALSE;
  addressed = NULL;
  for (guint i = 0; i < slave_count; i++)
    {
      if (slaves[i].address == byte >> 1)
        addressed = &slaves[i];
    }
  return addressed != NULL && addressed->start (addressed->data, byte & 1);
}

static void
stop (void)
{
  if (addressed != NULL)
    addressed->stop (addressed->data);
  addressed = NULL;
  bus_busy = FALSE;
}

/* Returns the request that the list ends with. */
static guint32
work_off (void)
{
  for (guint i = 0; i < COMMANDS; i++)
    {
      guint32 command = model_peek (I2C_COMD_REG (i));
      guint count = command & 0xFF;

      model_poke (I2C_COMD_REG (i), command | DONE_BIT);
      switch (command & 7u << I2C_COMD_OPCODE_S)
        {
        case I2C_COMD_RESTART:
          bus_busy = TRUE;
          expects_address = TRUE;
          break;
        case I2C_COMD_WRITE:
          g_assert_cmpuint (count, >, 0);
          for (; count > 0; count--)
            {
              guint8 byte;

              g_assert_cmpuint (to_send->len, >, 0);
              byte = to_send->data[0];
              g_byte_array_remove_index (to_send, 0);
              if (!put_byte (byte) && (command & I2C_COMD_CHECK_ACK) != 0)
                return I2C_NACK_INT;
            }
          break;
        case I2C_COMD_READ:
          g_assert_cmpuint (count, >, 0);
          g_assert_nonnull (addressed);
          for (; count > 0; count--)
            {
              guint8 byte = addressed->read (addressed->data);

              g_assert_cmpuint (received->len, <, BPG_I2C_FIFO_SIZE);
              g_byte_array_append (received, &byte, 1);
            }
          break;
        case I2C_COMD_STOP:
          if (model_i2c.never_stops && i == 0)
            return 0;
          stop ();
          return I2C_TRANS_COMPLETE_INT;
        case I2C_COMD_END:
          return I2C_END_DETECT_INT;
        default:
          g_error ("command 0x%x", command);
        }
    }
  g_error ("a list without an end");
}

static void
write_control (guint32 value)
{
  guint32 raw = model_peek (I2C_INT_RAW_REG);

  model_poke (I2C_CTR_REG, value & ~(I2C_CONF_UPGATE | I2C_FSM_RST | I2C_TRANS_START));
  if (value & I2C_FSM_RST)
    bus_busy = FALSE;
  if ((value & I2C_CONF_UPGATE) != 0 && (model_peek (I2C_SCL_SP_CONF_REG) & I2C_SCL_RST_SLV_EN) != 0)
    {
      model_i2c.recoveries++;
      model_i2c.data_held = FALSE;
      if (!model_i2c.held_for_ever)
        model_poke (I2C_SCL_SP_CONF_REG, model_peek (I2C_SCL_SP_CONF_REG) & ~I2C_SCL_RST_SLV_EN);
    }
  if ((value & I2C_TRANS_START) == 0)
    return;
  g_assert_cmphex (value & I2C_MS_MODE, !=, 0);
  model_i2c.starts++;
  if (model_i2c.never_ends)
    return;
  if (model_i2c.times_out || model_i2c.data_held || model_i2c.held_for_ever)
    model_poke (I2C_INT_RAW_REG, raw | I2C_TIME_OUT_INT);
  else
    model_poke (I2C_INT_RAW_REG, raw | work_off ());
}

static void
before_read (gpointer data,
             guint32  address)
{
  guint32 count;

  switch (address)
    {
    case I2C_DATA_REG:
      model_poke (address, received->len > 0 ? received->data[0] : 0xEE);
      if (received->len > 0)
        g_byte_array_remove_index (received, 0);
      break;
    case I2C_SR_REG:
      count = received->len - (model_i2c.loses_bytes && received->len > 0 ? 1 : 0);
      model_poke (address, count << I2C_RXFIFO_CNT_S
                             | (bus_busy || model_i2c.held_for_ever ? I2C_BUS_BUSY : 0));
      break;
    default:
      break;
    }
}

static void
after_write (gpointer data,
             guint32  address,
             guint32  before,
             guint32  value)
{
  guint8 byte = (guint8) value;

  switch (address)
    {
    case I2C_CTR_REG:
      write_control (value);
      break;
    case I2C_DATA_REG:
      g_assert_cmpuint (to_send->len, <, BPG_I2C_FIFO_SIZE);
      g_byte_array_append (to_send, &byte, 1);
      break;
    case I2C_INT_CLR_REG:
      model_poke (I2C_INT_RAW_REG, model_peek (I2C_INT_RAW_REG) & ~value);
      break;
    case I2C_FIFO_CONF_REG:
      if (value & I2C_TX_FIFO_RST)
        g_byte_array_set_size (to_send, 0);
      if (value & I2C_RX_FIFO_RST)
        g_byte_array_set_size (received, 0);
      break;
    default:
      break;
    }
}

void
model_i2c_add (void)
{
  const ModelPeripheral controller = {
    .base = I2C0_BASE,
    .size = 0x200,
    .before_read = before_read,
    .after_write = after_write,
  };

  model_i2c = (ModelI2cFaults) { 0 };
  slave_count = 0;
  addressed = NULL;
  expects_address = FALSE;
  bus_busy = FALSE;
  g_clear_pointer (&to_send, g_byte_array_unref);
  g_clear_pointer (&received, g_byte_array_unref);
  to_send = g_byte_array_new ();
  received = g_byte_array_new ();
  model_add (&controller);
  model_add_memory (GPIO_BASE, 0x6FC);
  model_add_memory (0x60009000, 0x60);
  model_add_memory (SYSTEM_BASE, 0x100);
}

void
model_i2c_add_slave (const ModelSlave *slave)
{
  g_assert_cmpuint (slave_count, <, G_N_ELEMENTS (slaves));
  slaves[slave_count++] = *slave;
}
