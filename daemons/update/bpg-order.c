/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-order.h"

#define TYPE "(ubsssssssbubbbb)"
/* As it was while there were models only. */
#define OLD_TYPE "(ussssssbub)"

BpgOrder *
bpg_order_new (BpgProcedureKind kind)
{
  BpgOrder *order = g_new0 (BpgOrder, 1);

  order->kind = kind;
  order->device_id = g_strdup ("");
  order->patient = g_strdup ("");
  order->model_path = g_strdup ("");
  order->model = g_strdup ("");
  order->wanted = g_strdup ("");
  order->image = g_strdup ("");
  order->version = g_strdup ("");
  return order;
}

void
bpg_order_free (BpgOrder *order)
{
  g_free (order->device_id);
  g_free (order->patient);
  g_free (order->model_path);
  g_free (order->model);
  g_free (order->wanted);
  g_free (order->image);
  g_free (order->version);
  g_free (order);
}

void
bpg_order_set_text (char **text, const char *value)
{
  char *copy = g_strdup (value);

  g_free (*text);
  *text = copy;
}

const char *
bpg_order_get_job_kind (const BpgOrder *order)
{
  switch (order->kind) {
  case BPG_PROCEDURE_INSTALL:
    return order->firmware ? "firmware-install" : "install";
  case BPG_PROCEDURE_START_TRIAL:
    return order->firmware ? "firmware-start-trial" : "start-trial";
  case BPG_PROCEDURE_CONFIRM:
    return order->firmware ? "firmware-confirm" : "confirm";
  case BPG_PROCEDURE_ROLL_BACK:
    return order->firmware ? "firmware-roll-back" : "roll-back";
  case BPG_PROCEDURE_READ:
  default:
    return "read";
  }
}

char *
bpg_order_print (const BpgOrder *order)
{
  g_autoptr (GVariant) value = g_variant_ref_sink (
    g_variant_new (TYPE, (guint32) order->kind, order->firmware, order->device_id, order->patient, order->model_path,
                   order->model, order->wanted, order->image, order->version, order->trial, order->seconds,
                   order->trial_begun, order->override, order->downgrade, order->worn));

  return g_variant_print (value, TRUE);
}

static BpgOrder *
parse_old (const char *text)
{
  g_autoptr (GVariant) value = g_variant_parse (G_VARIANT_TYPE (OLD_TYPE), text, NULL, NULL, NULL);
  BpgOrder *order;
  guint32 kind;

  if (value == NULL)
    return NULL;
  order = g_new0 (BpgOrder, 1);
  g_variant_get (value, OLD_TYPE, &kind, &order->device_id, &order->patient, &order->model_path, &order->model,
                 &order->wanted, &order->image, &order->trial, &order->seconds, &order->trial_begun);
  order->kind = (BpgProcedureKind) kind;
  order->version = g_strdup ("");
  return order;
}

static BpgOrder *
parse (const char *text)
{
  g_autoptr (GVariant) value = g_variant_parse (G_VARIANT_TYPE (TYPE), text, NULL, NULL, NULL);
  BpgOrder *order;
  guint32 kind;

  if (value == NULL)
    return parse_old (text);
  order = g_new0 (BpgOrder, 1);
  g_variant_get (value, TYPE, &kind, &order->firmware, &order->device_id, &order->patient, &order->model_path,
                 &order->model, &order->wanted, &order->image, &order->version, &order->trial, &order->seconds,
                 &order->trial_begun, &order->override, &order->downgrade, &order->worn);
  order->kind = (BpgProcedureKind) kind;
  return order;
}

BpgOrder *
bpg_order_parse (const char *text)
{
  g_autoptr (BpgOrder) order = text != NULL ? parse (text) : NULL;

  /* Who wrote the journal may have been newer than this. */
  if (order == NULL || order->kind < BPG_PROCEDURE_INSTALL || order->kind > BPG_PROCEDURE_ROLL_BACK)
    return NULL;
  order->recovered = TRUE;
  return g_steal_pointer (&order);
}
