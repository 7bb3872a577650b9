/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-table.h"

#include <string.h>

/* Whatever the name means; a daemon that is not there or a name it does not know leads on to the next. */
static BpgObject *
find_any (BpgCtl *ctl, const char *typed, BpgThing *thing, GError **error)
{
  g_autoptr (GError) first = NULL;

  if (bpg_ctl_connect (ctl, error) == NULL)
    return NULL;
  for (guint i = 0; i < BPG_N_TABLES; i++) {
    g_autoptr (GError) local = NULL;
    BpgObject *object = i == BPG_THING_SESSION && strchr (typed, '/') == NULL ? NULL
                                                                              : bpg_ctl_find (ctl, i, typed, &local);

    if (object != NULL) {
      *thing = i;
      return object;
    }
    if (local != NULL && !g_error_matches (local, BPG_ERROR, BPG_ERROR_NOT_FOUND) && first == NULL)
      first = g_steal_pointer (&local);
  }
  if (first != NULL)
    g_propagate_error (error, g_steal_pointer (&first));
  else
    g_set_error (error, BPG_ERROR, BPG_ERROR_NOT_FOUND, _("Nothing is called '%s'"), typed);
  return NULL;
}

static gboolean
find_kind (const char *typed, BpgThing *thing)
{
  for (guint i = 0; i < BPG_N_TABLES; i++) {
    if (strcmp (bpg_table_get (i)->words[1], typed) == 0) {
      *thing = i;
      return TRUE;
    }
  }
  return FALSE;
}

static void
add_beside (BpgCtl *ctl, BpgObject *prosthesis)
{
  g_autoptr (BpgObject) slots = bpg_ctl_find_beside (ctl, "update", "Slots1", prosthesis->path);
  g_autoptr (BpgObject) tuning = bpg_ctl_find_beside (ctl, "training", "Tuning1", prosthesis->path);
  g_autoptr (BpgObject) usage = bpg_ctl_find_beside (ctl, "records", "Usage1", prosthesis->path);

  bpg_object_merge (prosthesis, slots);
  bpg_object_merge (prosthesis, tuning);
  bpg_object_merge (prosthesis, usage);
}

static GVariant *
get_row (BpgCtl *ctl, BpgThing thing, BpgObject *object)
{
  g_autoptr (GVariant) row = bpg_object_to_row (object, bpg_table_get (thing)->details);
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariant) details = NULL;
  g_autoptr (GVariant) name = NULL;
  g_autoptr (GVariant) reference = NULL;
  GVariantDict dict;

  if (thing != BPG_THING_PATIENT)
    return g_steal_pointer (&row);
  g_variant_dict_init (&dict, row);
  reply = bpg_ctl_call (ctl, object->path, "Patient1.GetDetails", g_variant_new ("(a{sv})", NULL), "(a{sv})", NULL);
  g_variant_dict_remove (&dict, "name");
  if (reply != NULL) {
    details = g_variant_get_child_value (reply, 0);
    name = g_variant_lookup_value (details, "name", G_VARIANT_TYPE_STRING);
    reference = g_variant_lookup_value (details, "reference", G_VARIANT_TYPE_STRING);
    if (name != NULL)
      g_variant_dict_insert_value (&dict, "name", name);
    if (reference != NULL)
      g_variant_dict_insert_value (&dict, "reference", reference);
  }
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

static gboolean
run (BpgCtl *ctl, GError **error)
{
  BpgThing thing = BPG_THING_PROSTHESIS;
  gboolean named = ctl->n_arguments > 0 && find_kind (ctl->arguments[0], &thing);
  const char *typed = ctl->n_arguments > (named ? 1 : 0) ? ctl->arguments[named ? 1 : 0] : NULL;
  g_autoptr (BpgObject) object = NULL;
  g_autoptr (GVariant) row = NULL;

  if (!named && ctl->n_arguments > 1)
    return bpg_ctl_usage (error, _("'%s' is no kind of thing"), ctl->arguments[0]);
  object = named || typed == NULL ? bpg_ctl_find (ctl, thing, typed, error) : find_any (ctl, typed, &thing, error);
  if (object == NULL)
    return FALSE;
  if (thing == BPG_THING_PROSTHESIS)
    add_beside (ctl, object);
  row = get_row (ctl, thing, object);
  bpg_output_row (ctl->output, bpg_table_get (thing)->details, row);
  return TRUE;
}

const BpgVerb bpg_verb_show = {
  .name = "show",
  .arguments = N_("[[KIND] NAME]"),
  .summary = N_("Show everything about one thing"),
  .details = N_("NAME is an identifier, its unique beginning, or an object path; KIND (prosthesis, patient, recording,\n"
                "model, session) narrows the search. Without a name the only prosthesis is shown.\n\n"
                "Examples:\n  bionicctl show\n  bionicctl show BP-0001\n  bionicctl show model 3fa9 --json"),
  .maximum = 2,
  .run = run,
};
