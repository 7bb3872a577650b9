/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The parsers make the same of the fuzzers' corpora on RISC-V as here, down to the last byte; so does an arm of
 * the requests in them; and a million decisions later the recogniser decides as here, with no memory but its own
 * changed, no more stack used, and its sums exact.
 *
 * usage: test-proof [--full]: with it the soak also takes the largest model of the corpus.
 */
#include <string.h>

#include "machine.h"
#include "proof.h"

#define DECISIONS 1000000u
#define SMALL_MODEL "trained-4"
#define LARGE_MODEL "trained-8"

static const struct
{
  const char *name; /* of the corpus */
  enum virt_target target;
} targets[] = {
  { "cbor", VIRT_TARGET_CBOR },         { "demux", VIRT_TARGET_DEMUX }, { "messages", VIRT_TARGET_MESSAGES },
  { "image", VIRT_TARGET_IMAGE },       { "record", VIRT_TARGET_RECORD }, { "bpm", VIRT_TARGET_BPM },
  { "server", VIRT_TARGET_SERVER },
};

static struct bpg_recognizer recognizer;
static struct bpg_window scratch;
static gboolean full;

static GBytes *
read_corpus (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (g_getenv ("BIONICPRO_TEST_SRCDIR"), "tests", "fuzz", "corpus", folder,
                                            name, NULL);
  g_autoptr (GError) error = NULL;
  char *contents;
  gsize length;

  if (!g_file_get_contents (path, &contents, &length, &error))
    g_error ("%s", error->message);
  return g_bytes_new_take (contents, length);
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* Names in a corpus, in order. */
static GPtrArray *
list_corpus (const char *folder)
{
  g_autofree char *path = g_build_filename (g_getenv ("BIONICPRO_TEST_SRCDIR"), "tests", "fuzz", "corpus", folder, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) dir = g_dir_open (path, 0, &error);
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  g_assert_no_error (error);
  while ((name = g_dir_read_name (dir)) != NULL)
    g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, compare_names);
  return names;
}

static void
test_parsers (void)
{
  g_autoptr (GBytes) model = read_corpus ("bpm", SMALL_MODEL);
  g_autoptr (GByteArray) tasks = g_byte_array_new ();
  g_autoptr (GArray) expected = g_array_new (FALSE, FALSE, sizeof (guint32));
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autofree struct virt_answer *answers = NULL;
  guint64 bytes = 0;

  if (!machine_is_there ())
    return;
  g_assert_true (virt_proof_prepare (g_bytes_get_data (model, NULL), g_bytes_get_size (model)));
  machine_add_task (tasks, VIRT_TASK_MODEL, 0, 0, model);
  for (gsize i = 0; i < G_N_ELEMENTS (targets); i++)
    {
      g_autoptr (GPtrArray) files = list_corpus (targets[i].name);

      for (guint j = 0; j < files->len; j++)
        {
          g_autoptr (GBytes) input = read_corpus (targets[i].name, files->pdata[j]);
          guint32 outcome = virt_proof_outcome (targets[i].target, g_bytes_get_data (input, NULL),
                                                g_bytes_get_size (input));

          machine_add_task (tasks, VIRT_TASK_OUTCOME, targets[i].target, 0, input);
          g_array_append_val (expected, outcome);
          g_ptr_array_add (names, g_strdup_printf ("%s/%s", targets[i].name, (char *) files->pdata[j]));
          bytes += g_bytes_get_size (input);
        }
    }
  answers = machine_run ("BIONICPRO_VIRT_PROOF", tasks, 1 + expected->len);
  g_assert_cmpuint (answers[0].value[0], ==, 1);
  for (guint i = 0; i < expected->len; i++)
    {
      g_assert_cmpuint (answers[1 + i].kind, ==, VIRT_TASK_OUTCOME);
      if (answers[1 + i].value[0] != g_array_index (expected, guint32, i))
        g_error ("%s: something else came of it", (char *) names->pdata[i]);
    }
  g_test_message ("%u inputs, %" G_GUINT64_FORMAT " bytes: the same came of each", expected->len, bytes);
}

/* The digest of as many decisions here. */
static guint32
decide (GBytes *bytes, guint decisions)
{
  struct bpg_decision decision;
  struct virt_signal signal;
  struct bpg_bpm model;
  guint32 digest = 0;

  g_assert_cmpint (bpg_bpm_parse (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), &model), ==, 0);
  bpg_recognizer_init (&recognizer, &model);
  virt_signal_init (&signal);
  while (decisions > 0)
    {
      int16_t sample[BPG_CHANNELS_MAX];

      virt_signal_next (&signal, sample);
      if (!bpg_recognizer_push (&recognizer, sample, &decision))
        continue;
      digest = virt_proof_note_decision (digest, &decision);
      decisions--;
    }
  g_assert_true (virt_proof_same_sums (&recognizer, &scratch));
  return digest;
}

static void
soak (const char *name)
{
  g_autoptr (GBytes) model = read_corpus ("bpm", name);
  g_autoptr (GByteArray) tasks = g_byte_array_new ();
  g_autofree struct virt_answer *answers = NULL;
  gint64 begun = g_get_monotonic_time ();
  const guint32 *value;

  machine_add_task (tasks, VIRT_TASK_MODEL, 0, 0, model);
  machine_add_task (tasks, VIRT_TASK_SOAK, DECISIONS, 0, NULL);
  answers = machine_run ("BIONICPRO_VIRT_PROOF", tasks, 2);
  value = answers[1].value;
  g_assert_cmpuint (value[0], ==, DECISIONS);
  g_assert_cmpuint (value[1], ==, decide (model, DECISIONS));
  g_assert_cmpuint (value[2], ==, value[3]);
  g_assert_cmpuint (value[4], ==, value[5]);
  g_assert_cmpuint (value[6], ==, 1);
  g_test_message ("%s: %u decisions in %.1f s, the same as here; %u bytes of stack used after the first thousand and "
                  "at the end; memory outside the recogniser unchanged; its sums exact",
                  name, DECISIONS, (double) (g_get_monotonic_time () - begun) / 1e6, value[3]);
}

static void
test_soak (void)
{
  if (!machine_is_there ())
    return;
  soak (SMALL_MODEL);
  if (full)
    soak (LARGE_MODEL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  full = argc > 1 && strcmp (argv[1], "--full") == 0;
  g_test_add_func ("/virt/proof/parsers", test_parsers);
  g_test_add_func ("/virt/proof/soak", test_soak);
  return g_test_run ();
}
