/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-session-plan.h"

#include "bpg-error.h"
#include "bpg-movement.h"

#define DEFAULT_MOVEMENTS 7

struct _BpgSessionPlan {
  GObject parent_instance;

  GQueue steps;    /* BpgStep, the one at hand first */
  GHashTable *recorded; /* key of a repetition that is in the recording */
  GHashTable *planned;
  guint attempts;
  guint done;
};

G_DEFINE_FINAL_TYPE (BpgSessionPlan, bpg_session_plan, G_TYPE_OBJECT)

static gpointer
key_of (guint8 code, guint repetition)
{
  return GUINT_TO_POINTER (repetition << 8 | code);
}

static void
bpg_session_plan_finalize (GObject *object)
{
  BpgSessionPlan *self = BPG_SESSION_PLAN (object);

  g_queue_clear_full (&self->steps, g_free);
  g_hash_table_unref (self->recorded);
  g_hash_table_unref (self->planned);
  G_OBJECT_CLASS (bpg_session_plan_parent_class)->finalize (object);
}

static void
bpg_session_plan_class_init (BpgSessionPlanClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bpg_session_plan_finalize;
}

static void
bpg_session_plan_init (BpgSessionPlan *self)
{
  g_queue_init (&self->steps);
  self->recorded = g_hash_table_new (NULL, NULL);
  self->planned = g_hash_table_new (NULL, NULL);
}

static BpgStep *
make_step (const BpgMovement *movement, guint repetition)
{
  BpgStep *step = g_new0 (BpgStep, 1);

  step->code = movement->code;
  step->movement = movement->name;
  step->repetition = repetition;
  step->attempt = 1;
  return step;
}

/* Rest and the movements that were named, each once. */
static GPtrArray *
choose_movements (const char *const *names, GError **error)
{
  g_autoptr (GPtrArray) chosen = g_ptr_array_new ();
  guint n_all;
  const BpgMovement *all = bpg_movement_get_all (&n_all);

  g_ptr_array_add (chosen, (gpointer) all);
  for (guint i = 1; names == NULL && i <= DEFAULT_MOVEMENTS; i++)
    g_ptr_array_add (chosen, (gpointer) &all[i]);
  for (guint i = 0; names != NULL && names[i] != NULL; i++) {
    const BpgMovement *movement = bpg_movement_from_name (names[i]);

    if (movement == NULL) {
      g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "There is no movement '%.64s'; see Movements", names[i]);
      return NULL;
    }
    if (movement->code == BPG_MOVEMENT_REST)
      continue;
    if (g_ptr_array_find (chosen, movement, NULL)) {
      g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "The movement '%s' is named twice", movement->name);
      return NULL;
    }
    g_ptr_array_add (chosen, (gpointer) movement);
  }
  if (chosen->len < 2) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "A session needs at least one movement besides rest");
    return NULL;
  }
  return g_steal_pointer (&chosen);
}

BpgSessionPlan *
bpg_session_plan_new (const char *const *movements, guint repetitions, guint attempts, GError **error)
{
  g_autoptr (GPtrArray) chosen = choose_movements (movements, error);
  g_autoptr (BpgSessionPlan) self = NULL;

  if (chosen == NULL)
    return NULL;
  self = g_object_new (BPG_TYPE_SESSION_PLAN, NULL);
  self->attempts = attempts;
  for (guint repetition = 1; repetition <= repetitions; repetition++) {
    for (guint i = 0; i < chosen->len; i++) {
      BpgStep *step = make_step (chosen->pdata[i], repetition);

      g_queue_push_tail (&self->steps, step);
      g_hash_table_add (self->planned, key_of (step->code, repetition));
    }
  }
  return g_steal_pointer (&self);
}

const BpgStep *
bpg_session_plan_get_step (BpgSessionPlan *self)
{
  BpgStep *step = g_queue_peek_head (&self->steps);

  if (step != NULL)
    step->replaces = g_hash_table_contains (self->recorded, key_of (step->code, step->repetition));
  return step;
}

guint
bpg_session_plan_get_done (BpgSessionPlan *self)
{
  return self->done;
}

guint
bpg_session_plan_get_total (BpgSessionPlan *self)
{
  return self->done + self->steps.length;
}

void
bpg_session_plan_skip (BpgSessionPlan *self)
{
  g_free (g_queue_pop_head (&self->steps));
  self->done++;
}

void
bpg_session_plan_accept (BpgSessionPlan *self)
{
  BpgStep *step = g_queue_peek_head (&self->steps);

  g_hash_table_add (self->recorded, key_of (step->code, step->repetition));
  bpg_session_plan_skip (self);
}

gboolean
bpg_session_plan_refuse (BpgSessionPlan *self)
{
  BpgStep *step = g_queue_peek_head (&self->steps);

  step->attempt++;
  return step->attempt <= self->attempts;
}

gboolean
bpg_session_plan_redo (BpgSessionPlan *self, const char *movement, guint repetition, gboolean after_present, GError **error)
{
  const BpgMovement *found = bpg_movement_from_name (movement);
  guint place = after_present && self->steps.length > 0 ? 1 : 0;
  BpgStep *again = NULL;

  if (found == NULL || !g_hash_table_contains (self->planned, key_of (found->code, repetition))) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_NOT_FOUND, "The session has no repetition %u of '%.64s'", repetition, movement);
    return FALSE;
  }
  for (guint i = place; again == NULL && i < self->steps.length; i++) {
    BpgStep *step = g_queue_peek_nth (&self->steps, i);

    if (step->code == found->code && step->repetition == repetition)
      again = g_queue_pop_nth (&self->steps, i);
  }
  if (again == NULL)
    again = make_step (found, repetition);
  again->attempt = 1;
  g_queue_push_nth (&self->steps, again, (int) place);
  return TRUE;
}

void
bpg_session_plan_mark_recorded (BpgSessionPlan *self, guint8 code, guint repetition)
{
  g_hash_table_add (self->recorded, key_of (code, repetition));
  for (GList *l = self->steps.head; l != NULL; l = l->next) {
    BpgStep *step = l->data;

    if (step->code == code && step->repetition == repetition) {
      g_queue_delete_link (&self->steps, l);
      g_free (step);
      self->done++;
      return;
    }
  }
}
