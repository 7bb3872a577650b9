/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lab.h"

#include "bpg-recording-file.h"

#include <string.h>

/* A recording's name without folder and ending. */
static char *
get_stem (const char *path)
{
  g_autofree char *base = g_path_get_basename (path);
  char *dot = strrchr (base, '.');

  return dot != NULL ? g_strndup (base, (gsize) (dot - base)) : g_strdup (base);
}

int
bpg_lab_convert (int argc, char **argv)
{
  int rate = 0;
  double lsb = 0.0;
  g_autofree char *unit = NULL;
  const GOptionEntry entries[] = {
    {"rate", 0, 0, G_OPTION_ARG_INT, &rate, "Sampling rate of a CSV file that does not tell it, Hz", "HZ"},
    {"lsb", 0, 0, G_OPTION_ARG_DOUBLE, &lsb, "What one count shall be worth, for CSV made elsewhere", "VALUE"},
    {"unit", 0, 0, G_OPTION_ARG_STRING, &unit, "microvolt, myo_count, myo_full_scale or volt_after_gain", "UNIT"},
    G_OPTION_ENTRY_NULL};
  g_autoptr (BpgRecordingFile) file = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *stem = NULL;
  BpgEdfInfo info = {0};
  BpgCsvScale scale = {0};
  int status = bpg_lab_parse ("IN OUT",
                              "Convert a recording. The endings tell the formats: .json (with .bin beside it), .bpr, .edf "
                              "(EDF+) and .csv; a folder as OUT gets a .json and .bin of the same name.\n\n"
                              "Example: bionicctl lab convert day1.json day1.edf",
                              entries, &argc, &argv);

  if (status >= 0)
    return status;
  if (argc != 3)
    return bpg_lab_usage ("convert", "it takes one recording and one file to write");
  if (rate < 0 || lsb < 0.0)
    return bpg_lab_usage ("convert", "--rate and --lsb are positive");
  scale.rate = (guint) rate;
  scale.lsb = lsb;
  scale.unit = unit;
  file = bpg_recording_file_load (argv[1], &scale, &error);
  if (file == NULL)
    return bpg_lab_fail ("convert", error);
  stem = get_stem (argv[1]);
  info.patient = bpg_emg_recording_get_subject (file->recording);
  info.code = stem;
  if (!bpg_recording_file_save (file, argv[2], stem, &info, file->annotations, 0666, &error))
    return bpg_lab_fail ("convert", error);
  return BPG_LAB_OK;
}
