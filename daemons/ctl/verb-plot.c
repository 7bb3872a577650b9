/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-open.h"
#include "bpg-plot-signals.h"
#include "bpg-verdicts.h"

#include <string.h>

#define MAX_MOVEMENTS 32
#define MAX_BUCKETS 64

static char *out_option;
static char *title_option;
static char *decisions_option;
static char *verdicts_option;
static double from_option;
static double to_option;

static gboolean
need_out (GError **error)
{
  if (out_option == NULL || !(g_str_has_suffix (out_option, ".svg") || g_str_has_suffix (out_option, ".png")))
    return bpg_ctl_usage (error, _("Say where to with --out FILE.svg or --out FILE.png"));
  return TRUE;
}

static gboolean
conclude (BpgCtl *ctl, gboolean drawn, GError *local, GError **error)
{
  GVariantDict document;

  if (!drawn)
    return bpg_ctl_take_training_error (error, local);
  if (ctl->output->mode == BPG_OUTPUT_HUMAN) {
    bpg_ctl_note (ctl, _("Drawn to %s"), out_option);
    return TRUE;
  }
  g_variant_dict_init (&document, NULL);
  g_variant_dict_insert (&document, "ok", "b", TRUE);
  g_variant_dict_insert (&document, "file", "s", out_option);
  bpg_output_document (ctl->output, g_variant_dict_end (&document));
  return TRUE;
}

/* Signals. */

static char *
get_subtitle (BpgOpened *opened)
{
  BpgEmgRecording *recording = opened->file->recording;
  GString *text = g_string_new (NULL);
  guint rate = bpg_emg_recording_get_rate (recording);

  if (opened->generated)
    g_string_append (text, _("GENERATED SIGNALS · "));
  if (opened->patient != NULL && *opened->patient != '\0')
    g_string_append_printf (text, _("patient %s · "), opened->patient);
  if (opened->prosthesis != NULL && *opened->prosthesis != '\0')
    g_string_append_printf (text, "%s · ", opened->prosthesis);
  g_string_append_printf (text, _("%u electrodes · %u Hz · %.1f s"), bpg_emg_recording_get_channels (recording), rate,
                          (double) bpg_emg_recording_get_n_samples (recording) / rate);
  return g_string_free (text, FALSE);
}

static gboolean
run_signals (BpgCtl *ctl, GError **error)
{
  g_autoptr (BpgOpened) opened = NULL;
  g_autoptr (GArray) decisions = NULL;
  g_autoptr (GArray) verdicts = NULL;
  g_autofree char *title = NULL;
  g_autofree char *subtitle = NULL;
  BpgSignalsPlot plot;
  GError *local = NULL;
  gboolean drawn;

  if (!need_out (error))
    return FALSE;
  opened = bpg_ctl_open (ctl, ctl->arguments[0], error);
  if (opened == NULL)
    return FALSE;
  if (decisions_option != NULL) {
    decisions = bpg_decisions_load (decisions_option, NULL, &local);
    if (decisions == NULL)
      return bpg_ctl_take_training_error (error, local);
  }
  verdicts = verdicts_option != NULL ? bpg_verdicts_load (verdicts_option, &local)
                                     : bpg_verdicts_from_recording (opened->file);
  if (local != NULL)
    return bpg_ctl_take_training_error (error, local);
  title = title_option != NULL ? g_strdup (title_option) : g_strdup_printf (_("Recording %s"), opened->stem);
  subtitle = get_subtitle (opened);
  plot = (BpgSignalsPlot){opened->file->recording, title, subtitle, decisions, verdicts, from_option, to_option};
  drawn = bpg_plot_signals (&plot, out_option, &local);
  return conclude (ctl, drawn, local, error);
}

/* Confusion. */

typedef struct {
  BpgConfusion confusion;
  GPtrArray *movements;
  GArray *counts;
} Figures;

static void
figures_free (Figures *self)
{
  g_clear_pointer (&self->movements, g_ptr_array_unref);
  g_clear_pointer (&self->counts, g_array_unref);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Figures, figures_free)

static Figures *
figures_new (void)
{
  Figures *self = g_new0 (Figures, 1);

  self->movements = g_ptr_array_new_with_free_func (g_free);
  self->counts = g_array_new (FALSE, TRUE, sizeof (double));
  self->confusion.accuracy = self->confusion.low = self->confusion.high = -1.0;
  return self;
}

static gboolean
check_figures (Figures *self, const char *source, GError **error)
{
  double total = 0.0;

  for (guint i = 0; i < self->counts->len; i++)
    total += g_array_index (self->counts, double, i);
  if (self->movements->len < 1 || self->movements->len > MAX_MOVEMENTS || total <= 0.0 ||
      self->counts->len != self->movements->len * self->movements->len) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT,
                 _("%s holds no confusion matrix: `movements` and a square `confusion` of counts are needed"), source);
    return FALSE;
  }
  self->confusion.n_movements = self->movements->len;
  g_ptr_array_add (self->movements, NULL);
  self->confusion.movements = (char **) self->movements->pdata;
  self->confusion.counts = (double *) (void *) self->counts->data;
  return TRUE;
}

static double
get_number (JsonNode *node)
{
  if (node == NULL || !JSON_NODE_HOLDS_VALUE (node) ||
      (json_node_get_value_type (node) != G_TYPE_INT64 && json_node_get_value_type (node) != G_TYPE_DOUBLE))
    return -1.0;
  return json_node_get_double (node);
}

static JsonArray *
get_list (JsonObject *object, const char *member)
{
  JsonNode *node = json_object_get_member (object, member);

  return node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
}

static void
read_matrix (JsonArray *rows, Figures *figures)
{
  for (guint r = 0; rows != NULL && r < json_array_get_length (rows); r++) {
    JsonNode *node = json_array_get_element (rows, r);
    JsonArray *row = JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;

    for (guint c = 0; row != NULL && c < json_array_get_length (row); c++) {
      double count = MAX (get_number (json_array_get_element (row, c)), 0.0);

      g_array_append_val (figures->counts, count);
    }
  }
}

static JsonObject *
parse_object (JsonParser *parser, const char *path, GError **error)
{
  g_autoptr (GError) local = NULL;
  JsonNode *root;

  if (!json_parser_load_from_file (parser, path, &local)) {
    g_set_error (error, BPG_ERROR,
                 g_error_matches (local, G_FILE_ERROR, G_FILE_ERROR_NOENT) ? BPG_ERROR_NOT_FOUND : BPG_ERROR_CORRUPT, "%s: %s",
                 path, local->message);
    return NULL;
  }
  root = json_parser_get_root (parser);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root)) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, _("%s: a JSON object is needed"), path);
    return NULL;
  }
  return json_node_get_object (root);
}

/* A document as `train --json` prints it, or its `evaluation` or `result`. */
static gboolean
read_confusion_file (const char *path, Figures *figures, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonObject *object = parse_object (parser, path, error);
  JsonArray *names;

  if (object == NULL)
    return FALSE;
  for (guint i = 0; i < 2; i++) {
    JsonNode *inner = json_object_get_member (object, i == 0 ? "result" : "evaluation");

    if (!json_object_has_member (object, "confusion") && inner != NULL && JSON_NODE_HOLDS_OBJECT (inner))
      object = json_node_get_object (inner);
  }
  names = get_list (object, "movements");
  for (guint i = 0; names != NULL && i < json_array_get_length (names); i++) {
    JsonNode *node = json_array_get_element (names, i);

    if (JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING)
      g_ptr_array_add (figures->movements, g_strdup (json_node_get_string (node)));
  }
  read_matrix (get_list (object, "confusion"), figures);
  figures->confusion.accuracy = get_number (json_object_get_member (object, "accuracy"));
  figures->confusion.low = get_number (json_object_get_member (object, "accuracy_low"));
  figures->confusion.high = get_number (json_object_get_member (object, "accuracy_high"));
  return check_figures (figures, path, error);
}

static void
read_confusion_variant (GVariant *result, Figures *figures)
{
  g_autoptr (GVariant) rows = g_variant_lookup_value (result, "confusion", G_VARIANT_TYPE ("aau"));
  g_autofree const char **names = NULL;

  g_variant_lookup (result, "movements", "^a&s", &names);
  for (guint i = 0; names != NULL && names[i] != NULL; i++)
    g_ptr_array_add (figures->movements, g_strdup (names[i]));
  for (gsize r = 0; rows != NULL && r < g_variant_n_children (rows); r++) {
    g_autoptr (GVariant) row = g_variant_get_child_value (rows, r);

    for (gsize c = 0; c < g_variant_n_children (row); c++) {
      guint32 count;
      double value;

      g_variant_get_child (row, c, "u", &count);
      value = count;
      g_array_append_val (figures->counts, value);
    }
  }
  g_variant_lookup (result, "accuracy", "d", &figures->confusion.accuracy);
  g_variant_lookup (result, "accuracy_low", "d", &figures->confusion.low);
  g_variant_lookup (result, "accuracy_high", "d", &figures->confusion.high);
}

/* The job that made the model still knows the matrix when the model does not. */
static GVariant *
find_training_result (BpgCtl *ctl, const char *model)
{
  g_autoptr (GPtrArray) jobs = bpg_ctl_load (ctl, "training", "Job1", NULL);

  for (guint i = jobs != NULL ? jobs->len : 0; i > 0; i--) {
    g_autoptr (GVariant) result = bpg_object_lookup (jobs->pdata[i - 1], "Job1.Result", "a{sv}");
    const char *made = "";

    if (result != NULL && g_variant_lookup (result, "model", "&o", &made) && strcmp (made, model) == 0)
      return g_steal_pointer (&result);
  }
  return NULL;
}

static gboolean
read_confusion_model (BpgCtl *ctl, const char *typed, Figures *figures, GError **error)
{
  g_autoptr (BpgObject) model = bpg_ctl_find (ctl, BPG_THING_MODEL, typed, error);
  g_autoptr (GVariant) evaluation = NULL;
  g_autoptr (GVariant) movements = NULL;
  GVariantDict dict;

  if (model == NULL)
    return FALSE;
  evaluation = bpg_object_lookup (model, "Model1.Evaluation", "a{sv}");
  if (evaluation == NULL || !g_variant_lookup (evaluation, "confusion", "aau", NULL)) {
    g_clear_pointer (&evaluation, g_variant_unref);
    evaluation = find_training_result (ctl, model->path);
  }
  if (evaluation == NULL) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_NOT_FOUND,
                 _("The matrix of this model is not known any more; draw it from what 'evaluate --json' prints"));
    return FALSE;
  }
  movements = bpg_object_lookup (model, "Model1.Movements", "as");
  g_variant_dict_init (&dict, evaluation);
  if (!g_variant_dict_contains (&dict, "movements") && movements != NULL)
    g_variant_dict_insert_value (&dict, "movements", movements);
  g_variant_unref (evaluation);
  evaluation = g_variant_ref_sink (g_variant_dict_end (&dict));
  read_confusion_variant (evaluation, figures);
  return check_figures (figures, typed, error);
}

static gboolean
run_confusion (BpgCtl *ctl, GError **error)
{
  const char *typed = ctl->arguments[0];
  g_autoptr (Figures) figures = figures_new ();
  g_autofree char *title = NULL;
  gboolean file = g_str_has_suffix (typed, ".json");
  GError *local = NULL;
  gboolean drawn;

  if (!need_out (error) || !(file ? read_confusion_file (typed, figures, error)
                                  : read_confusion_model (ctl, typed, figures, error)))
    return FALSE;
  title = title_option != NULL ? g_strdup (title_option)
          : file               ? g_strdup (_("What was asked for, what was decided"))
                               : g_strdup_printf (_("Model %s: asked for and decided"), typed);
  figures->confusion.title = title;
  drawn = bpg_plot_confusion (&figures->confusion, out_option, &local);
  return conclude (ctl, drawn, local, error);
}

/* Latency. */

static gboolean
read_latency_file (const char *path, GArray *counts, GError **error)
{
  static const char *const members[] = {"decision_latency", "latency", "counts"};
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonObject *object = parse_object (parser, path, error);
  JsonArray *list = NULL;

  if (object == NULL)
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (members) && list == NULL; i++)
    list = get_list (object, members[i]);
  for (guint i = 0; list != NULL && i < json_array_get_length (list); i++) {
    double count = get_number (json_array_get_element (list, i));

    if (count < 0.0 || i >= MAX_BUCKETS) {
      list = NULL;
      break;
    }
    g_array_append_val (counts, count);
  }
  if (list == NULL) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, _("%s: `decision_latency` must be a list of at most %d counts"),
                 path, MAX_BUCKETS);
    return FALSE;
  }
  return TRUE;
}

static gboolean
read_latency_arm (BpgCtl *ctl, const char *typed, GArray *counts, char **id, GError **error)
{
  g_autoptr (BpgObject) prosthesis = bpg_ctl_find (ctl, BPG_THING_PROSTHESIS, typed, error);
  g_autoptr (GVariant) histogram = NULL;
  g_autofree char *device = NULL;
  g_autofree char *hardware = NULL;

  if (prosthesis == NULL)
    return FALSE;
  device = bpg_object_get_string (prosthesis, "Prosthesis1.DeviceId");
  hardware = bpg_object_get_string (prosthesis, "Prosthesis1.Hardware");
  /* A virtual arm is as fast as this PC, and nobody shall take it for a chip. */
  *id = g_strconcat (device, g_str_has_prefix (hardware, "simlimb") ? _(" (virtual arm)") : "", NULL);
  histogram = bpg_object_lookup (prosthesis, "Prosthesis1.DecisionLatency", "au");
  for (gsize i = 0; histogram != NULL && i < g_variant_n_children (histogram) && i < MAX_BUCKETS; i++) {
    guint32 count;
    double value;

    g_variant_get_child (histogram, i, "u", &count);
    value = count;
    g_array_append_val (counts, value);
  }
  return TRUE;
}

static gboolean
run_latency (BpgCtl *ctl, GError **error)
{
  const char *typed = ctl->n_arguments > 0 ? ctl->arguments[0] : NULL;
  g_autoptr (GArray) counts = g_array_new (FALSE, TRUE, sizeof (double));
  g_autofree char *id = NULL;
  g_autofree char *title = NULL;
  GError *local = NULL;
  gboolean drawn;

  if (!need_out (error) || !(typed != NULL && g_str_has_suffix (typed, ".json")
                               ? read_latency_file (typed, counts, error)
                               : read_latency_arm (ctl, typed, counts, &id, error)))
    return FALSE;
  title = title_option != NULL ? g_strdup (title_option)
          : id != NULL         ? g_strdup_printf (_("Decision latency of %s"), id)
                               : g_strdup (_("Decision latency"));
  drawn = bpg_plot_latency ((double *) (void *) counts->data, counts->len, title, out_option, &local);
  return conclude (ctl, drawn, local, error);
}

static gboolean
run_overview (BpgCtl *ctl, GError **error)
{
  return bpg_ctl_usage (error, _("Say what to draw: plot signals, plot confusion or plot latency"));
}

static const GOptionEntry signals_options[] = {
  {"out", 'o', 0, G_OPTION_ARG_FILENAME, &out_option, N_("Where to: FILE.svg or FILE.png"), N_("FILE")},
  {"title", 0, 0, G_OPTION_ARG_STRING, &title_option, N_("Heading"), N_("TEXT")},
  {"decisions", 0, 0, G_OPTION_ARG_FILENAME, &decisions_option, N_("What the arm decided, CSV or JSON"), N_("FILE")},
  {"verdicts", 0, 0, G_OPTION_ARG_FILENAME, &verdicts_option, N_("Verdicts, as 'verdicts --json' prints them"),
   N_("JSON")},
  {"from", 0, 0, G_OPTION_ARG_DOUBLE, &from_option, N_("Begin so many seconds into it"), N_("SECONDS")},
  {"to", 0, 0, G_OPTION_ARG_DOUBLE, &to_option, N_("End so many seconds into it"), N_("SECONDS")},
  {NULL},
};

static const GOptionEntry other_options[] = {
  {"out", 'o', 0, G_OPTION_ARG_FILENAME, &out_option, N_("Where to: FILE.svg or FILE.png"), N_("FILE")},
  {"title", 0, 0, G_OPTION_ARG_STRING, &title_option, N_("Heading"), N_("TEXT")},
  {NULL},
};

const BpgVerb bpg_verb_plot = {
  .name = "plot",
  .arguments = N_("signals|confusion|latency …"),
  .summary = N_("Draw a picture, SVG or PNG"),
  .details = N_("Examples:\n  bionicctl plot signals 3fa9 --out signals.svg\n"
                "  bionicctl plot confusion trained.json --out confusion.png\n"
                "  bionicctl plot latency BP-0001 --out latency.svg"),
  .maximum = 64,
  .run = run_overview,
};

const BpgVerb bpg_verb_plot_signals = {
  .name = "plot signals",
  .arguments = N_("RECORDING --out FILE"),
  .summary = N_("Draw a recording with prompts, verdicts and decisions"),
  .details = N_("RECORDING is an identifier, its unique beginning, or a file (.json, .bpr, .edf, .csv). The decisions have\n"
                "the columns of 'lab run': sample, movement, confidence, speed.\n\n"
                "Examples:\n  bionicctl plot signals 3fa9 --out signals.svg\n"
                "  bionicctl plot signals day1.json --decisions arm.csv --verdicts verdicts.json --out day1.png"),
  .minimum = 1,
  .maximum = 1,
  .options = signals_options,
  .run = run_signals,
};

const BpgVerb bpg_verb_plot_confusion = {
  .name = "plot confusion",
  .arguments = N_("FILE.json|MODEL --out FILE"),
  .summary = N_("Draw what was asked for against what was decided"),
  .details = N_("The file is what 'train --json' or 'evaluate --json' prints: `movements` (names), `confusion` (rows of\n"
                "counts, a row for each movement asked for), and perhaps `accuracy`, `accuracy_low`, `accuracy_high`.\n\n"
                "Example:\n  bionicctl train 3fa9 --json > trained.json; bionicctl plot confusion trained.json -o c.png"),
  .minimum = 1,
  .maximum = 1,
  .options = other_options,
  .run = run_confusion,
};

const BpgVerb bpg_verb_plot_latency = {
  .name = "plot latency",
  .arguments = N_("[PROSTHESIS|FILE.json] --out FILE"),
  .summary = N_("Draw how long the arm takes to decide"),
  .details = N_("The file holds `decision_latency`, a list of counts; bucket i begins at 2^(i/2) µs.\n\n"
                "Example:\n  bionicctl plot latency BP-0001 --out latency.svg"),
  .maximum = 1,
  .options = other_options,
  .run = run_latency,
};
