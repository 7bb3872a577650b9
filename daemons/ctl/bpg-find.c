/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-find.h"
#include "bpg-path.h"

#include <stdio.h>
#include <string.h>

#define MIN_PREFIX 1

typedef struct {
  const char *daemon; /* NULL: any */
  const char *interface;
  const char *keys[3]; /* properties a name is compared with */
  const char *noun;
  const char *list; /* what lists them */
} Kind;

static const Kind kinds[] = {
  [BPG_THING_PROSTHESIS] = {"pairing", "Prosthesis1", {"DeviceId", "Fingerprint"}, N_("prosthesis"), "list"},
  [BPG_THING_PATIENT] = {"records", "Patient1", {"Id"}, N_("patient"), "patients"},
  [BPG_THING_RECORDING] = {"records", "Recording1", {"Id"}, N_("recording"), "recordings"},
  [BPG_THING_MODEL] = {"training", "Model1", {"Hash", "Id"}, N_("model"), "models"},
  [BPG_THING_SESSION] = {"training", "Session1", {NULL}, N_("session"), "list sessions"},
  [BPG_THING_JOB] = {NULL, "Job1", {NULL}, N_("job"), "jobs --all"},
  [BPG_THING_FIRMWARE] = {"update", "Firmware1", {"Hash", "Version"}, N_("firmware"), "firmware"},
};

char *
bpg_ctl_get_name (const char *path)
{
  const char *element = strrchr (path, '/');
  GString *name = g_string_new (NULL);

  if (element == NULL || strcmp (path, "/") == 0)
    return g_string_free (name, FALSE);
  for (element++; *element != '\0'; element++) {
    if (*element == '_' && g_ascii_isxdigit (element[1]) && g_ascii_isxdigit (element[2])) {
      g_string_append_c (name, (char) (g_ascii_xdigit_value (element[1]) * 16 + g_ascii_xdigit_value (element[2])));
      element += 2;
    } else {
      g_string_append_c (name, *element);
    }
  }
  return g_string_free (name, FALSE);
}

static GPtrArray *
load_jobs (BpgCtl *ctl, GError **error)
{
  g_autoptr (GPtrArray) all = g_ptr_array_new_with_free_func ((GDestroyNotify) bpg_object_free);

  if (bpg_ctl_connect (ctl, error) == NULL)
    return NULL;
  for (guint i = 0; i < bpg_n_daemons; i++) {
    g_autoptr (GPtrArray) some = bpg_ctl_load (ctl, bpg_daemons[i].word, "Job1", NULL);

    if (some != NULL)
      g_ptr_array_extend_and_steal (all, g_steal_pointer (&some));
  }
  return g_steal_pointer (&all);
}

/* A job is called by its daemon and number, training/3, because every daemon counts its own. */
static char *
get_own_name (BpgThing thing, BpgObject *object)
{
  g_autofree char *name = bpg_ctl_get_name (object->path);

  if (thing == BPG_THING_JOB)
    return g_strdup_printf ("%s/%s", bpg_daemon_from_path (object->path)->word, name);
  return g_steal_pointer (&name);
}

/* 2: it is this one, 1: it may be, 0: it is not. */
static int
match (BpgThing thing, BpgObject *object, const char *typed)
{
  g_autofree char *name = get_own_name (thing, object);
  int best = 0;

  if (strcmp (object->path, typed) == 0 || strcmp (name, typed) == 0)
    return 2;
  if (thing == BPG_THING_SESSION || thing == BPG_THING_JOB)
    return g_str_has_suffix (name, typed) && (strlen (name) == strlen (typed) ||
                                              name[strlen (name) - strlen (typed) - 1] == '/');
  for (guint k = 0; k < G_N_ELEMENTS (kinds[thing].keys) && kinds[thing].keys[k] != NULL; k++) {
    g_autofree char *property = g_strconcat (kinds[thing].interface, ".", kinds[thing].keys[k], NULL);
    g_autofree char *value = bpg_object_get_string (object, property);

    if (g_ascii_strcasecmp (value, typed) == 0)
      return 2;
    if (strlen (typed) >= MIN_PREFIX && g_ascii_strncasecmp (value, typed, strlen (typed)) == 0)
      best = 1;
  }
  return best;
}

static BpgObject *
refuse (BpgThing thing, GPtrArray *candidates, const char *typed, GError **error)
{
  g_autoptr (GString) names = g_string_new (NULL);
  const Kind *kind = &kinds[thing];

  if (candidates->len == 0) {
    if (typed != NULL)
      g_set_error (error, BPG_ERROR, BPG_ERROR_NOT_FOUND, _("There is no %s '%s'; 'bionicctl %s' shows what there is"),
                   _(kind->noun), typed, kind->list);
    else
      g_set_error (error, BPG_ERROR, BPG_ERROR_NOT_FOUND, _("There is no %s"), _(kind->noun));
    return NULL;
  }
  for (guint i = 0; i < candidates->len && i < 20; i++) {
    g_autofree char *name = get_own_name (thing, candidates->pdata[i]);

    g_string_append_printf (names, "\n    %s", name);
  }
  if (typed != NULL)
    g_set_error (error, BPG_CTL_ERROR, BPG_CTL_ERROR_AMBIGUOUS, _("'%s' may be any of %u:%s"), typed, candidates->len,
                 names->str);
  else
    g_set_error (error, BPG_CTL_ERROR, BPG_CTL_ERROR_AMBIGUOUS, _("Which %s? There are %u:%s"), _(kind->noun),
                 candidates->len, names->str);
  return NULL;
}

BpgObject *
bpg_ctl_find (BpgCtl *ctl, BpgThing thing, const char *typed, GError **error)
{
  const Kind *kind = &kinds[thing];
  g_autoptr (GPtrArray) objects =
    kind->daemon != NULL ? bpg_ctl_load (ctl, kind->daemon, kind->interface, error) : load_jobs (ctl, error);
  g_autoptr (GPtrArray) candidates = g_ptr_array_new ();
  BpgObject *found = NULL;

  if (objects == NULL)
    return NULL;
  if (typed != NULL && *typed == '\0') {
    bpg_ctl_usage (error, _("An empty name means nothing"));
    return NULL;
  }
  for (guint i = 0; i < objects->len; i++) {
    int grade = typed == NULL ? 1 : match (thing, objects->pdata[i], typed);

    if (grade == 2)
      found = objects->pdata[i];
    else if (grade == 1)
      g_ptr_array_add (candidates, objects->pdata[i]);
  }
  if (found == NULL && candidates->len == 1)
    found = candidates->pdata[0];
  if (found == NULL)
    return refuse (thing, candidates, typed, error);
  g_ptr_array_set_free_func (objects, NULL);
  for (guint i = 0; i < objects->len; i++) {
    if (objects->pdata[i] != found)
      bpg_object_free (objects->pdata[i]);
  }
  return found;
}

GVariant *
bpg_ctl_find_all (BpgCtl *ctl, BpgThing thing, const char *const *typed, GError **error)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("ao"));
  for (guint i = 0; typed[i] != NULL; i++) {
    g_autoptr (BpgObject) object = bpg_ctl_find (ctl, thing, typed[i], error);

    if (object == NULL) {
      g_variant_builder_clear (&builder);
      return NULL;
    }
    g_variant_builder_add (&builder, "o", object->path);
  }
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

BpgObject *
bpg_ctl_find_beside (BpgCtl *ctl, const char *daemon, const char *interface, const char *prosthesis)
{
  const char *element = bpg_path_get_element (prosthesis, BPG_PATH_PAIRING, "prosthesis");

  if (element == NULL)
    return NULL;
  for (guint i = 0; i < bpg_n_daemons; i++) {
    if (strcmp (bpg_daemons[i].word, daemon) == 0) {
      g_autofree char *path = g_strconcat (bpg_daemons[i].path, "/prosthesis/", element, NULL);

      return bpg_ctl_reload (ctl, path, interface, NULL);
    }
  }
  return NULL;
}

void
bpg_ctl_print_made (BpgCtl *ctl, GVariant *reply)
{
  g_autofree char *id = NULL;
  const char *path;
  GVariantDict document;

  g_variant_get (reply, "(&o)", &path);
  id = bpg_ctl_get_name (path);
  if (ctl->output->mode == BPG_OUTPUT_HUMAN) {
    puts (id);
    return;
  }
  g_variant_dict_init (&document, NULL);
  g_variant_dict_insert (&document, "ok", "b", TRUE);
  g_variant_dict_insert (&document, "id", "s", id);
  g_variant_dict_insert (&document, "path", "o", path);
  bpg_output_document (ctl->output, g_variant_dict_end (&document));
}

gboolean
bpg_ctl_delete_all (BpgCtl *ctl, BpgThing thing, const char *method, GError **error)
{
  g_autoptr (GVariant) paths = bpg_ctl_find_all (ctl, thing, (const char *const *) ctl->arguments, error);

  if (paths == NULL)
    return FALSE;
  for (gsize i = 0; i < g_variant_n_children (paths); i++) {
    const char *path;
    g_autoptr (GVariant) reply = NULL;

    g_variant_get_child (paths, i, "&o", &path);
    reply = bpg_ctl_call (ctl, path, method, g_variant_new ("(a{sv})", NULL), "()", error);
    if (reply == NULL)
      return FALSE;
  }
  return TRUE;
}
