/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-verdicts.h"

#include "training/lib/bpg-training-error.h"

#include <string.h>

void
bpg_verdict_mark_clear (BpgVerdictMark *mark)
{
  g_clear_pointer (&mark->movement, g_free);
  g_clear_pointer (&mark->reason, g_free);
}

static GArray *
marks_new (void)
{
  GArray *marks = g_array_new (FALSE, TRUE, sizeof (BpgVerdictMark));

  g_array_set_clear_func (marks, (GDestroyNotify) bpg_verdict_mark_clear);
  return marks;
}

static JsonArray *
get_list (JsonObject *object, const char *member)
{
  JsonNode *node = json_object_get_member (object, member);

  return node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
}

static char *
get_first_reason (JsonObject *object)
{
  JsonArray *reasons = get_list (object, "reasons");
  JsonNode *first = reasons != NULL && json_array_get_length (reasons) > 0 ? json_array_get_element (reasons, 0) : NULL;

  return first != NULL && JSON_NODE_HOLDS_VALUE (first) && json_node_get_value_type (first) == G_TYPE_STRING
           ? g_strdup (json_node_get_string (first))
           : NULL;
}

static gboolean
read_mark (JsonNode *node, GArray *marks)
{
  JsonObject *object = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  BpgVerdictMark mark = {0};
  const char *movement =
    object != NULL ? json_object_get_string_member_with_default (object, "movement", NULL) : NULL;

  if (movement == NULL || !json_object_has_member (object, "accepted"))
    return FALSE;
  mark.movement = g_strdup (movement);
  mark.repetition = (guint) json_object_get_int_member_with_default (object, "repetition", 1);
  mark.attempt = (guint) json_object_get_int_member_with_default (object, "attempt", 1);
  mark.accepted = json_object_get_boolean_member_with_default (object, "accepted", FALSE);
  mark.reason = mark.accepted ? NULL : get_first_reason (object);
  g_array_append_val (marks, mark);
  return TRUE;
}

GArray *
bpg_verdicts_load (const char *path, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GArray) marks = marks_new ();
  g_autoptr (GError) local = NULL;
  JsonNode *root;
  JsonArray *list = NULL;

  if (!json_parser_load_from_file (parser, path, &local)) {
    g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_CORRUPT, "%s: %s; name a file of verdicts", path,
                 local->message);
    return NULL;
  }
  root = json_parser_get_root (parser);
  if (root != NULL && JSON_NODE_HOLDS_ARRAY (root))
    list = json_node_get_array (root);
  else if (root != NULL && JSON_NODE_HOLDS_OBJECT (root))
    list = get_list (json_node_get_object (root), "verdicts");
  for (guint i = 0; list != NULL && i < json_array_get_length (list); i++) {
    if (!read_mark (json_array_get_element (list, i), marks)) {
      g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_CORRUPT, "%s: entry %u is no verdict; mend the file", path,
                   i + 1);
      return NULL;
    }
  }
  if (list == NULL) {
    g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_CORRUPT, "%s: there is no list of verdicts", path);
    return NULL;
  }
  return g_steal_pointer (&marks);
}

static void
add_attempts (GArray *marks, JsonObject *segment, JsonObject *verdict)
{
  gint64 attempts = CLAMP (json_object_get_int_member_with_default (verdict, "attempt", 1), 1, 20);

  for (guint attempt = 1; attempt <= attempts; attempt++) {
    BpgVerdictMark mark = {
      .movement = g_strdup (json_object_get_string_member_with_default (segment, "name", "")),
      .repetition = (guint) json_object_get_int_member_with_default (segment, "rep", 1),
      .attempt = attempt,
      .accepted = attempt == attempts,
    };

    g_array_append_val (marks, mark);
  }
}

GArray *
bpg_verdicts_from_recording (BpgRecordingFile *file)
{
  g_autoptr (GArray) marks = marks_new ();
  JsonArray *segments =
    file->side_car != NULL && JSON_NODE_HOLDS_OBJECT (file->side_car)
      ? get_list (json_node_get_object (file->side_car), "segments")
      : NULL;

  for (guint i = 0; segments != NULL && i < json_array_get_length (segments); i++) {
    JsonNode *node = json_array_get_element (segments, i);
    JsonObject *segment = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
    JsonNode *verdict = segment != NULL ? json_object_get_member (segment, "verdict") : NULL;

    if (verdict != NULL && JSON_NODE_HOLDS_OBJECT (verdict))
      add_attempts (marks, segment, json_node_get_object (verdict));
  }
  return marks->len > 0 ? g_steal_pointer (&marks) : NULL;
}

static const BpgSegment *
find_segment (BpgEmgRecording *recording, const BpgVerdictMark *mark)
{
  for (guint i = 0; i < bpg_emg_recording_get_n_segments (recording); i++) {
    const BpgSegment *segment = bpg_emg_recording_get_segment (recording, i);

    if (segment->repetition == mark->repetition && strcmp (segment->name, mark->movement) == 0)
      return segment;
  }
  return NULL;
}

void
bpg_verdicts_annotate (GArray *verdicts, BpgEmgRecording *recording, GArray *annotations)
{
  for (guint i = 0; i < verdicts->len; i++) {
    const BpgVerdictMark *mark = &g_array_index (verdicts, BpgVerdictMark, i);
    const BpgSegment *segment = find_segment (recording, mark);
    BpgEdfAnnotation annotation = {.duration = -1.0};

    /* What the reader of the recording found already is written with its segment. */
    if (segment == NULL || segment->verdict != NULL)
      continue;
    annotation.onset = (double) (segment->start + segment->count) / bpg_emg_recording_get_rate (recording);
    annotation.text = g_strdup_printf ("verdict %s #%u: %s, attempt %u%s%s", mark->movement, mark->repetition,
                                       mark->accepted ? "accepted" : "refused", mark->attempt,
                                       mark->reason != NULL ? ", " : "", mark->reason != NULL ? mark->reason : "");
    g_array_append_val (annotations, annotation);
  }
}
