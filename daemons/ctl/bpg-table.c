/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-table.h"

#include <inttypes.h>

static char *
format_name (GVariant *value)
{
  return bpg_ctl_get_name (g_variant_get_string (value, NULL));
}

static char *
format_count (GVariant *value)
{
  return g_strdup_printf ("%" G_GSIZE_FORMAT, g_variant_n_children (value));
}

static char *
format_drift (GVariant *value)
{
  double drift = g_variant_get_double (value);

  return drift <= 0.0 ? g_strdup ("") : g_strdup_printf ("%.2f", drift);
}

static char *
format_step (GVariant *value)
{
  return g_variant_print (value, FALSE);
}

static char *
format_accuracy (GVariant *value)
{
  double accuracy;

  return g_variant_lookup (value, "accuracy", "d", &accuracy) ? g_strdup_printf ("%.1f %%", 100.0 * accuracy)
                                                              : g_strdup ("");
}

static char *
format_evaluation (GVariant *value)
{
  double accuracy, low, high;
  const char *verdict = "";

  if (!g_variant_lookup (value, "accuracy", "d", &accuracy))
    return g_strdup ("");
  g_variant_lookup (value, "verdict", "&s", &verdict);
  if (g_variant_lookup (value, "accuracy_low", "d", &low) && g_variant_lookup (value, "accuracy_high", "d", &high))
    return g_strdup_printf ("%.1f %% (95 %%: %.1f to %.1f), %s", 100 * accuracy, 100 * low, 100 * high, verdict);
  return g_strdup_printf ("%.1f %%, %s", 100 * accuracy, verdict);
}

static char *
format_repetitions (GVariant *value)
{
  GString *text = g_string_new (NULL);

  for (gsize i = 0; i < g_variant_n_children (value); i++) {
    g_autoptr (GVariant) row = g_variant_get_child_value (value, i);
    const char *movement = "?";
    guint repetition = 0;

    g_variant_lookup (row, "movement", "&s", &movement);
    g_variant_lookup (row, "repetition", "u", &repetition);
    g_string_append_printf (text, "%s%s %u", i > 0 ? ", " : "", movement, repetition);
  }
  return g_string_free (text, FALSE);
}

static char *
format_slots (GVariant *value)
{
  GString *text = g_string_new (NULL);

  for (gsize i = 0; i < g_variant_n_children (value); i++) {
    g_autoptr (GVariant) row = g_variant_get_child_value (value, i);
    const char *image = "?", *slot = "?", *model = "", *version = "";
    gboolean active = FALSE, confirmed = FALSE, pending = FALSE;

    g_variant_lookup (row, "image", "&s", &image);
    g_variant_lookup (row, "slot", "&s", &slot);
    g_variant_lookup (row, "model", "&s", &model);
    g_variant_lookup (row, "version", "&s", &version);
    g_variant_lookup (row, "active", "b", &active);
    g_variant_lookup (row, "confirmed", "b", &confirmed);
    g_variant_lookup (row, "pending", "b", &pending);
    g_string_append_printf (text, "%s%s %s: %.16s%s%s%s%s", i > 0 ? "; " : "", image, slot,
                            *model != '\0' ? model : version, active ? _(", active") : "",
                            confirmed ? _(", confirmed") : "", pending ? _(", pending") : "",
                            *model == '\0' && *version == '\0' ? _("empty") : "");
  }
  return g_string_free (text, FALSE);
}

static char *
format_bindings (GVariant *value)
{
  GString *text = g_string_new (NULL);

  for (gsize i = 0; i < g_variant_n_children (value); i++) {
    g_autoptr (GVariant) row = g_variant_get_child_value (value, i);
    const char *prosthesis = "?", *side = "";
    guint64 until = 0;

    g_variant_lookup (row, "prosthesis", "&s", &prosthesis);
    g_variant_lookup (row, "side", "&s", &side);
    g_variant_lookup (row, "until", "t", &until);
    g_string_append_printf (text, "%s%s %s%s", i > 0 ? ", " : "", prosthesis, side, until != 0 ? _(" (ended)") : "");
  }
  return g_string_free (text, FALSE);
}

/* The median and 99th percentile of a histogram whose bucket i begins at 2^(i/2) µs. */
static char *
format_latency (GVariant *value)
{
  gsize n = 0;
  const guint32 *counts = g_variant_get_fixed_array (value, &n, sizeof (guint32));
  const double wanted[] = {0.5, 0.99};
  double found[2] = {0.0, 0.0};
  guint64 total = 0;

  for (gsize i = 0; i < n; i++)
    total += counts[i];
  if (total == 0)
    return g_strdup ("");
  for (guint w = 0; w < 2; w++) {
    guint64 sum = 0;
    gsize i = 0;

    while (i < n && (double) (sum += counts[i]) < wanted[w] * (double) total)
      i++;
    found[w] = 1.0;
    for (gsize half = 0; half <= i; half++)
      found[w] *= 1.41421356237309505;
  }
  return g_strdup_printf (_("half below %.2f ms, 99 %% below %.2f ms, of %" PRIu64 " decisions"),
                          found[0] / 1000, found[1] / 1000, total);
}

static const BpgField prosthesis_columns[] = {
  {"id", N_("PROSTHESIS"), NULL, "Prosthesis1.DeviceId"},
  {"connected", N_("CONNECTED"), bpg_format_yes_no, "Prosthesis1.Connected"},
  {"transport", N_("BY"), NULL, "Prosthesis1.Transport"},
  {"state", N_("STATE"), NULL, "Prosthesis1.State"},
  {"patient", N_("PATIENT"), NULL, "Prosthesis1.Patient"},
  {"side", N_("SIDE"), NULL, "Prosthesis1.Side"},
  {"battery_percent", N_("BATTERY"), bpg_format_percent, "Prosthesis1.BatteryPercent"},
  {"model", N_("MODEL"), bpg_format_hash, "Prosthesis1.ModelHash"},
  {"trial_seconds_left", N_("TRIAL"), bpg_format_seconds, "Prosthesis1.TrialSecondsLeft"},
  {"dead_electrodes", N_("DEAD"), bpg_format_mask, "Prosthesis1.DeadElectrodes"},
  {"port", NULL, NULL, "Prosthesis1.Port"},
  {"path"},
  {NULL},
};

static const BpgField prosthesis_details[] = {
  {"id", N_("Prosthesis"), NULL, "Prosthesis1.DeviceId"},
  {"fingerprint", N_("Fingerprint"), NULL, "Prosthesis1.Fingerprint"},
  {"state", N_("State"), NULL, "Prosthesis1.State"},
  {"patient", N_("Patient"), NULL, "Prosthesis1.Patient"},
  {"side", N_("Side"), NULL, "Prosthesis1.Side"},
  {"connected", N_("Connected"), bpg_format_yes_no, "Prosthesis1.Connected"},
  {"connected_since", N_("Since"), bpg_format_time, "Prosthesis1.ConnectedSince"},
  {"transport", N_("Transport"), NULL, "Prosthesis1.Transport"},
  {"port", N_("Port"), NULL, "Prosthesis1.Port"},
  {"hardware", N_("Hardware"), NULL, "Prosthesis1.Hardware"},
  {"firmware", N_("Firmware"), NULL, "Prosthesis1.Firmware"},
  {"schema", N_("Model format"), NULL, "Prosthesis1.Schema"},
  {"boot_reason", N_("Started by"), NULL, "Prosthesis1.BootReason"},
  {"sampling_rate", N_("Sampling"), bpg_format_hertz, "Prosthesis1.SamplingRate"},
  {"channels", N_("Electrodes"), NULL, "Prosthesis1.Channels"},
  {"lsb", N_("One count"), NULL, "Prosthesis1.Lsb"},
  {"unit", N_("Unit"), NULL, "Prosthesis1.Unit"},
  {"dead_electrodes", N_("Dead electrodes"), bpg_format_mask, "Prosthesis1.DeadElectrodes"},
  {"battery_percent", N_("Battery"), bpg_format_percent, "Prosthesis1.BatteryPercent"},
  {"battery_millivolt", N_("Voltage"), bpg_format_millivolt, "Prosthesis1.BatteryMillivolt"},
  {"temperature", N_("Temperature"), bpg_format_celsius, "Prosthesis1.Temperature"},
  {"worn", N_("Worn"), bpg_format_yes_no, "Prosthesis1.Worn"},
  {"model", N_("Model"), NULL, "Prosthesis1.ModelHash"},
  {"trial_seconds_left", N_("Trial ends in"), bpg_format_seconds, "Prosthesis1.TrialSecondsLeft"},
  {"slots_state", N_("Slots"), NULL, "Slots1.State"},
  {"slots", N_("Holding"), format_slots, "Slots1.Slots"},
  {"confirmed", N_("Goes back to"), bpg_format_hash, "Slots1.Confirmed"},
  {"history", NULL, NULL, "Slots1.History"},
  {"drift", N_("Drift"), format_drift, "Tuning1.Drift"},
  {"drift_threshold", N_("Drift limit"), format_drift, "Tuning1.Threshold"},
  {"drifted", N_("Drifted"), bpg_format_yes_no, "Tuning1.Drifted"},
  {"advice", N_("Advice"), NULL, "Tuning1.Advice"},
  {"usage_records", N_("Usage records"), NULL, "Usage1.Records"},
  {"usage_overwritten", NULL, NULL, "Usage1.Overwritten"},
  {"usage_fetched", N_("Usage fetched"), bpg_format_time, "Usage1.Fetched"},
  {"decision_latency", N_("Decision latency"), format_latency, "Prosthesis1.DecisionLatency"},
  {"counters", N_("Link"), NULL, "Prosthesis1.Counters"},
  {"streams", N_("Streams open"), NULL, "Prosthesis1.Streams"},
  {"leased", N_("Managed now"), bpg_format_yes_no, "Prosthesis1.Leased"},
  {"path", N_("Object")},
  {NULL},
};

static const BpgField patient_fields[] = {
  {"id", N_("PATIENT"), NULL, "Patient1.Id"},
  {"created", N_("SINCE"), bpg_format_time, "Patient1.Created"},
  {"name", N_("NAME")},
  {"reference", N_("REFERENCE")},
  {"bindings", N_("PROSTHESES"), format_bindings, "Patient1.Bindings"},
  {"path"},
  {NULL},
};

static const BpgField patient_details[] = {
  {"id", N_("Patient"), NULL, "Patient1.Id"},
  {"created", N_("Since"), bpg_format_time, "Patient1.Created"},
  {"name", N_("Name")},
  {"reference", N_("Reference")},
  {"bindings", N_("Prostheses"), format_bindings, "Patient1.Bindings"},
  {"path", N_("Object")},
  {NULL},
};

static const BpgField recording_columns[] = {
  {"id", N_("RECORDING"), NULL, "Recording1.Id"},
  {"created", N_("TIME"), bpg_format_time, "Recording1.Created"},
  {"state", N_("STATE"), NULL, "Recording1.State"},
  {"patient", N_("PATIENT"), format_name, "Recording1.Patient"},
  {"prosthesis", N_("PROSTHESIS"), NULL, "Recording1.Prosthesis"},
  {"purpose", N_("PURPOSE"), NULL, "Recording1.Purpose"},
  {"source", N_("SOURCE"), NULL, "Recording1.Source"},
  {"repetitions", N_("REPETITIONS"), format_count, "Recording1.Repetitions"},
  {"samples", N_("SAMPLES"), NULL, "Recording1.Samples"},
  {"lost_samples", N_("LOST"), NULL, "Recording1.LostSamples"},
  {"path"},
  {NULL},
};

static const BpgField recording_details[] = {
  {"id", N_("Recording"), NULL, "Recording1.Id"},
  {"created", N_("Time"), bpg_format_time, "Recording1.Created"},
  {"state", N_("State"), NULL, "Recording1.State"},
  {"patient", N_("Patient"), format_name, "Recording1.Patient"},
  {"prosthesis", N_("Prosthesis"), NULL, "Recording1.Prosthesis"},
  {"purpose", N_("Purpose"), NULL, "Recording1.Purpose"},
  {"source", N_("Source"), NULL, "Recording1.Source"},
  {"sampling_rate", N_("Sampling"), bpg_format_hertz, "Recording1.SamplingRate"},
  {"channels", N_("Electrodes"), NULL, "Recording1.Channels"},
  {"lsb", N_("One count"), NULL, "Recording1.Lsb"},
  {"unit", N_("Unit"), NULL, "Recording1.Unit"},
  {"samples", N_("Samples"), NULL, "Recording1.Samples"},
  {"lost_samples", N_("Lost samples"), NULL, "Recording1.LostSamples"},
  {"repetitions", N_("Repetitions"), format_repetitions, "Recording1.Repetitions"},
  {"note", N_("Note"), NULL, "Recording1.Note"},
  {"path", N_("Object")},
  {NULL},
};

static const BpgField model_columns[] = {
  {"id", N_("MODEL"), NULL, "Model1.Id"},
  {"created", N_("TIME"), bpg_format_time, "Model1.Created"},
  {"state", N_("STATE"), NULL, "Model1.State"},
  {"prosthesis", N_("PROSTHESIS"), NULL, "Model1.Prosthesis"},
  {"evaluation", N_("ACCURACY"), format_accuracy, "Model1.Evaluation"},
  {"movements", N_("MOVEMENTS"), format_count, "Model1.Movements"},
  {"size", N_("SIZE"), bpg_format_bytes, "Model1.Size"},
  {"parent", N_("FROM"), bpg_format_hash, "Model1.Parent"},
  {"note", N_("NOTE"), NULL, "Model1.Note"},
  {"hash", NULL, NULL, "Model1.Hash"},
  {"path"},
  {NULL},
};

static const BpgField model_details[] = {
  {"id", N_("Model"), NULL, "Model1.Id"},
  {"hash", N_("SHA-256"), NULL, "Model1.Hash"},
  {"created", N_("Time"), bpg_format_time, "Model1.Created"},
  {"state", N_("State"), NULL, "Model1.State"},
  {"prosthesis", N_("Prosthesis"), NULL, "Model1.Prosthesis"},
  {"patient", N_("Patient"), NULL, "Model1.Patient"},
  {"evaluation", N_("Accuracy"), format_evaluation, "Model1.Evaluation"},
  {"movements", N_("Movements"), NULL, "Model1.Movements"},
  {"sampling_rate", N_("Sampling"), bpg_format_hertz, "Model1.SamplingRate"},
  {"channels", N_("Electrodes"), NULL, "Model1.Channels"},
  {"window", N_("Window"), NULL, "Model1.Window"},
  {"hop", N_("Hop"), NULL, "Model1.Hop"},
  {"size", N_("Size"), bpg_format_bytes, "Model1.Size"},
  {"parent", N_("Adapted from"), NULL, "Model1.Parent"},
  {"recordings", N_("Trained on"), NULL, "Model1.Recordings"},
  {"note", N_("Note"), NULL, "Model1.Note"},
  {"path", N_("Object")},
  {NULL},
};

static const BpgField session_columns[] = {
  {"name", N_("SESSION"), format_name},
  {"prosthesis", N_("PROSTHESIS"), format_name, "Session1.Prosthesis"},
  {"patient", N_("PATIENT"), NULL, "Session1.Patient"},
  {"state", N_("STATE"), NULL, "Session1.State"},
  {"phase", N_("PHASE"), NULL, "Session1.Phase"},
  {"movement", N_("MOVEMENT"), NULL, "Session1.Movement"},
  {"step", N_("STEP"), format_step, "Session1.Step"},
  {"steps", N_("OF"), format_step, "Session1.Steps"},
  {"recording", N_("RECORDING"), format_name, "Session1.Recording"},
  {"path"},
  {NULL},
};

static const BpgField session_details[] = {
  {"name", N_("Session"), format_name},
  {"prosthesis", N_("Prosthesis"), format_name, "Session1.Prosthesis"},
  {"patient", N_("Patient"), NULL, "Session1.Patient"},
  {"state", N_("State"), NULL, "Session1.State"},
  {"phase", N_("Phase"), NULL, "Session1.Phase"},
  {"movement", N_("Movement"), NULL, "Session1.Movement"},
  {"repetition", N_("Repetition"), NULL, "Session1.Repetition"},
  {"attempt", N_("Attempt"), NULL, "Session1.Attempt"},
  {"step", N_("Steps done"), NULL, "Session1.Step"},
  {"steps", N_("Steps in all"), NULL, "Session1.Steps"},
  {"recording", N_("Recording"), format_name, "Session1.Recording"},
  {"separability", NULL, NULL, "Session1.Separability"},
  {"verdicts", NULL, NULL, "Session1.Verdicts"},
  {"advice", N_("Advice"), NULL, "Session1.Advice"},
  {"error", N_("Error"), bpg_format_error, "Session1.Error"},
  {"error_message", N_("Reason"), NULL, "Session1.ErrorMessage"},
  {"path", N_("Object")},
  {NULL},
};

static const BpgTable tables[] = {
  [BPG_THING_PROSTHESIS] = {{"prostheses", "prosthesis"}, "pairing", "Prosthesis1", prosthesis_columns,
                            prosthesis_details,
                            N_("No prosthesis has been seen. Plug one in, or see 'bionicctl ports'.")},
  [BPG_THING_PATIENT] = {{"patients", "patient"}, "records", "Patient1", patient_fields, patient_details,
                         N_("There is no patient. 'bionicctl patients add' adds one.")},
  [BPG_THING_RECORDING] = {{"recordings", "recording"}, "records", "Recording1", recording_columns, recording_details,
                           N_("There is no recording. 'bionicctl session' makes one.")},
  [BPG_THING_MODEL] = {{"models", "model"}, "training", "Model1", model_columns, model_details,
                       N_("There is no model. 'bionicctl train' makes one.")},
  [BPG_THING_SESSION] = {{"sessions", "session"}, "training", "Session1", session_columns, session_details,
                         N_("There is no session.")},
};

G_STATIC_ASSERT (G_N_ELEMENTS (tables) == BPG_N_TABLES);

const BpgTable *
bpg_table_get (BpgThing thing)
{
  g_assert ((guint) thing < G_N_ELEMENTS (tables));
  return &tables[thing];
}

GPtrArray *
bpg_table_load (BpgCtl *ctl, const BpgTable *table, gboolean (*keep) (BpgObject *object, gpointer data), gpointer data,
                GError **error)
{
  g_autoptr (GPtrArray) objects = bpg_ctl_load (ctl, table->daemon, table->interface, error);
  g_autoptr (GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);

  if (objects == NULL)
    return NULL;
  for (guint i = 0; i < objects->len; i++) {
    if (keep == NULL || keep (objects->pdata[i], data))
      g_ptr_array_add (rows, bpg_object_to_row (objects->pdata[i], table->columns));
  }
  return g_steal_pointer (&rows);
}

gboolean
bpg_table_list (BpgCtl *ctl, BpgThing thing, GError **error)
{
  const BpgTable *table = bpg_table_get (thing);
  g_autoptr (GPtrArray) rows = bpg_table_load (ctl, table, NULL, NULL, error);

  if (rows == NULL)
    return FALSE;
  bpg_output_table (ctl->output, table->columns, rows, _(table->empty));
  return TRUE;
}
