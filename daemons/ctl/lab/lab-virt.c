/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lab-virt.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixinputstream.h>
#include <gio/gunixoutputstream.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "ports/virt/protocol.h"
#include "training/lib/bpg-training-error.h"
#include "training/lib/bpg-training-set.h"

#define QEMU "qemu-system-riscv32"
#define QEMU_PACKAGE "qemu-system-misc"
#define COMPILER_PACKAGES "gcc-riscv64-unknown-elf and picolibc-riscv64-unknown-elf"
#define IMAGE_BUILT "../../firmware/ports/virt/virt.elf" /* from the program's folder in a build tree */
#define PATIENCE_SECONDS 60
#define WORDS_MAX 2000u

/* What goes to the machine, one piece behind the other. */
typedef struct
{
  const guint8 *bytes;
  gsize length;
} VirtPiece;

typedef struct
{
  GSubprocess *process;
  int in;
  int out;
  int words;
  VirtPiece pieces[3];
  guint piece;
  guint8 *kept; /* the beginning of a record */
  gsize n_kept;
  GString *said; /* on its standard error */
  gboolean counting;
  gboolean greeted;
  gboolean ended;
  GArray *whole;
  GArray *last;
  BpgVirtStats *stats;
  BpgDecisionFunc each;
  gpointer user_data;
} VirtRun;

static void
clear_run (VirtRun *self)
{
  if (self->process != NULL)
    {
      g_subprocess_force_exit (self->process);
      g_subprocess_wait (self->process, NULL, NULL);
    }
  g_clear_object (&self->process);
  g_free (self->kept);
  if (self->said != NULL)
    g_string_free (self->said, TRUE);
  g_clear_pointer (&self->whole, g_array_unref);
  g_clear_pointer (&self->last, g_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VirtRun, clear_run)

static char *
find_image (GError **error)
{
  const char *given = g_getenv ("BIONICPRO_VIRT_IMAGE");
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *folder = g_path_get_dirname (self != NULL ? self : "/");
  g_autofree char *built = g_build_filename (folder, IMAGE_BUILT, NULL);
  g_autofree char *installed = g_build_filename (BPG_DATADIR, "bionicpro", "firmware", "virt.elf", NULL);

  if (given != NULL)
    return g_strdup (given);
  if (g_file_test (built, G_FILE_TEST_IS_REGULAR))
    return g_steal_pointer (&built);
  if (g_file_test (installed, G_FILE_TEST_IS_REGULAR))
    return g_steal_pointer (&installed);
  g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_NOT_FOUND,
               "the recogniser was not built for RISC-V; install " COMPILER_PACKAGES ", and build again");
  return NULL;
}

static GPtrArray *
build_command (const char *qemu,
               const char *image,
               gboolean    counting)
{
  GPtrArray *command = g_ptr_array_new ();
  /* The arm's chip has no more than integers, multiplication and one mode; what it lacks is to fail here, too. */
  static const char *const machine[] = {
    "-machine", "virt", "-cpu", "rv32,a=off,f=off,d=off,s=off,u=off,h=off,mmu=off", "-m", "32M",
    "-bios", "none", "-nodefaults", "-display", "none", "-serial", "none", "-monitor", "none",
    "-no-reboot", "-semihosting-config", "enable=on,target=native",
  };

  g_ptr_array_add (command, (gpointer) qemu);
  for (guint i = 0; i < G_N_ELEMENTS (machine); i++)
    g_ptr_array_add (command, (gpointer) machine[i]);
  if (counting)
    {
      g_ptr_array_add (command, (gpointer) "-icount");
      g_ptr_array_add (command, (gpointer) "shift=0,sleep=off");
    }
  g_ptr_array_add (command, (gpointer) "-kernel");
  g_ptr_array_add (command, (gpointer) image);
  g_ptr_array_add (command, NULL);
  return command;
}

/* Whatever becomes of us, QEMU is not left behind. */
static void
set_up_child (gpointer user_data)
{
  prctl (PR_SET_PDEATHSIG, SIGKILL);
}

static gboolean
start (VirtRun *self,
       GError **error)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (
      G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE);
  g_autofree char *image = find_image (error);
  g_autofree char *qemu = g_find_program_in_path (QEMU);
  g_autoptr (GPtrArray) command = NULL;

  if (image == NULL)
    return FALSE;
  if (qemu == NULL)
    {
      g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_NOT_FOUND,
                   QEMU " is not installed; install the package " QEMU_PACKAGE);
      return FALSE;
    }
  command = build_command (qemu, image, self->counting);
  g_subprocess_launcher_set_child_setup (launcher, set_up_child, NULL, NULL);
  self->process = g_subprocess_launcher_spawnv (launcher, (const char *const *) command->pdata, error);
  if (self->process == NULL)
    return FALSE;
  self->in = g_unix_output_stream_get_fd (G_UNIX_OUTPUT_STREAM (g_subprocess_get_stdin_pipe (self->process)));
  self->out = g_unix_input_stream_get_fd (G_UNIX_INPUT_STREAM (g_subprocess_get_stdout_pipe (self->process)));
  self->words = g_unix_input_stream_get_fd (G_UNIX_INPUT_STREAM (g_subprocess_get_stderr_pipe (self->process)));
  fcntl (self->in, F_SETFL, fcntl (self->in, F_GETFL) | O_NONBLOCK);
  return TRUE;
}

static const char *
name_trap (guint32 cause)
{
  static const char *const names[] = {
    "jump to an odd address", "forbidden jump", "illegal instruction",     "breakpoint",
    "read of an odd address", "forbidden read", "write to an odd address", "forbidden write",
  };

  return cause < G_N_ELEMENTS (names) ? names[cause] : "exception";
}

static void
take_hello (VirtRun                  *self,
            const struct virt_record *record,
            GError                  **error)
{
  if (record->value[0] != sizeof *record)
    g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_FAILED,
                 "the RISC-V build is of another version than this program; build it again");
  else if (self->counting && record->value[1] != record->value[2])
    g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_FAILED,
                 "this " QEMU " counts %u instructions for %u; use the one of " QEMU_PACKAGE, record->value[2],
                 record->value[1]);
  self->greeted = TRUE;
}

static void
take_decision (VirtRun                  *self,
               const struct virt_record *record)
{
  if (self->counting)
    {
      g_array_append_val (self->whole, record->value[0]);
      g_array_append_val (self->last, record->value[1]);
    }
  self->each (&record->decision, self->user_data);
}

/* Returns FALSE with an error when there is nothing more to come. */
static gboolean
take_record (VirtRun                  *self,
             const struct virt_record *record,
             GError                  **error)
{
  g_autoptr (GError) local = NULL;

  if (!self->greeted && record->kind == VIRT_HELLO)
    take_hello (self, record, &local);
  else if (self->greeted && !self->ended && record->kind == VIRT_DECISION)
    take_decision (self, record);
  else if (self->greeted && !self->ended && record->kind == VIRT_END)
    {
      self->ended = TRUE;
      if (self->stats != NULL)
        {
          self->stats->state = record->value[1];
          self->stats->stack = record->value[2];
          self->stats->image = record->value[3];
        }
    }
  else if (record->kind == VIRT_REFUSED)
    g_set_error (&local, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_FAILED, "the RISC-V build refuses the model: %s",
                 bpg_bpm_strerror ((int) record->value[0]));
  else if (record->kind == VIRT_TRAP)
    g_set_error (&local, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_FAILED,
                 "the RISC-V build crashed: %s (mcause %u) at 0x%08x, address 0x%08x, stack pointer 0x%08x; report it "
                 "with the model and the recording",
                 name_trap (record->value[0]), record->value[0], record->value[1], record->value[2],
                 record->value[3]);
  else
    g_set_error (&local, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_FAILED,
                 "the RISC-V build said something unintelligible; build it again");
  if (local == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

/* Returns how many bytes came, 0 at the end, or -1 with an error. */
static gssize
take_output (VirtRun *self,
             GError **error)
{
  struct virt_record records[256];
  guint8 *bytes = (guint8 *) records;
  gssize n_read;
  gsize length, taken = 0;

  memcpy (bytes, self->kept, self->n_kept);
  n_read = read (self->out, bytes + self->n_kept, sizeof records - self->n_kept);
  if (n_read < 0 && (errno == EINTR || errno == EAGAIN))
    return 1;
  if (n_read <= 0)
    return 0;
  length = self->n_kept + (gsize) n_read;
  for (; length - taken >= sizeof *records; taken += sizeof *records)
    {
      if (!take_record (self, &records[taken / sizeof *records], error))
        return -1;
    }
  self->n_kept = length - taken;
  memcpy (self->kept, bytes + taken, self->n_kept);
  return n_read;
}

/* A machine that is gone is found out by what it does not say; no signal is needed. */
static gssize
write_quietly (int           fd,
               const guint8 *bytes,
               gsize         length)
{
  struct sigaction quiet = { .sa_handler = SIG_IGN }, before;
  gssize written;
  int code;

  sigaction (SIGPIPE, &quiet, &before);
  written = write (fd, bytes, length);
  code = errno;
  sigaction (SIGPIPE, &before, NULL);
  errno = code;
  return written;
}

static void
close_input (VirtRun *self)
{
  g_output_stream_close (g_subprocess_get_stdin_pipe (self->process), NULL, NULL);
  self->in = -1;
}

static void
give_input (VirtRun *self)
{
  VirtPiece *piece = &self->pieces[self->piece];
  gssize written = write_quietly (self->in, piece->bytes, piece->length);

  if (written < 0 && errno != EINTR && errno != EAGAIN)
    {
      close_input (self);
      return;
    }
  if (written > 0)
    {
      piece->bytes += written;
      piece->length -= (gsize) written;
    }
  while (self->piece < G_N_ELEMENTS (self->pieces) && self->pieces[self->piece].length == 0)
    self->piece++;
  if (self->piece == G_N_ELEMENTS (self->pieces))
    close_input (self);
}

static void
take_words (VirtRun *self)
{
  char text[512];
  gssize n_read = read (self->words, text, sizeof text);

  if (n_read > 0 && self->said->len < WORDS_MAX)
    g_string_append_len (self->said, text, n_read);
  else if (n_read == 0 || (n_read < 0 && errno != EINTR))
    self->words = -1;
}

static int
get_patience_ms (void)
{
  const char *given = g_getenv ("BIONICPRO_VIRT_PATIENCE");
  guint64 seconds = PATIENCE_SECONDS;

  if (given != NULL && !g_ascii_string_to_unsigned (given, 10, 1, 86400, &seconds, NULL))
    seconds = PATIENCE_SECONDS;
  return (int) seconds * 1000;
}

/* Until its output ends, whatever the reason. */
static gboolean
converse (VirtRun *self,
          GError **error)
{
  const int patience = get_patience_ms ();

  for (;;)
    {
      struct pollfd fds[] = { { self->out, POLLIN, 0 }, { self->in, POLLOUT, 0 }, { self->words, POLLIN, 0 } };
      int ready = poll (fds, G_N_ELEMENTS (fds), patience);
      gssize came = 1;

      if (ready == 0)
        {
          g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_FAILED,
                       "the RISC-V build did nothing for %d s and was ended; report it with the model and the "
                       "recording",
                       patience / 1000);
          return FALSE;
        }
      if (ready < 0)
        continue;
      if (fds[2].revents != 0)
        take_words (self);
      if (fds[1].revents != 0)
        give_input (self);
      if (fds[0].revents != 0)
        came = take_output (self, error);
      if (came <= 0)
        return came == 0;
    }
}

/* What it said last is most to the point; its output ended, so that there is not much more of it. */
static gboolean
finish (VirtRun *self,
        GError **error)
{
  if (self->ended)
    return TRUE;
  while (self->words >= 0 && poll (&(struct pollfd) { self->words, POLLIN, 0 }, 1, 1000) > 0)
    take_words (self);
  g_strstrip (self->said->str);
  g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_FAILED,
               "the RISC-V build ended early%s%s; try it again, and report it with the model and the recording",
               self->said->str[0] != '\0' ? ": " : "", self->said->str);
  return FALSE;
}

static int
compare_numbers (gconstpointer a,
                 gconstpointer b)
{
  guint32 first = *(const guint32 *) a, second = *(const guint32 *) b;

  return (first > second) - (first < second);
}

/* The first came when the window was full: it stands for a window, the others for a hop. */
static BpgVirtCosts
summarise (GArray *numbers)
{
  BpgVirtCosts costs = { 0 };
  guint64 sum = 0;

  if (numbers->len > 1)
    g_array_remove_index (numbers, 0);
  if (numbers->len == 0)
    return costs;
  g_array_sort (numbers, compare_numbers);
  for (guint i = 0; i < numbers->len; i++)
    sum += g_array_index (numbers, guint32, i);
  costs.most = g_array_index (numbers, guint32, numbers->len - 1);
  costs.mean = (guint32) ((sum + numbers->len / 2) / numbers->len);
  costs.p99 = g_array_index (numbers, guint32, (numbers->len - 1) * 99 / 100);
  return costs;
}

gboolean
bpg_virt_run (BpgModel        *model,
              BpgEmgRecording *recording,
              BpgVirtStats    *stats,
              BpgDecisionFunc  each,
              gpointer         user_data,
              GError         **error)
{
  g_auto (VirtRun) self = { .counting = stats != NULL, .stats = stats, .each = each, .user_data = user_data };
  GBytes *bytes = bpg_model_get_bytes (model);
  gsize n_samples = bpg_emg_recording_get_n_samples (recording);
  struct virt_request request = { VIRT_REQUEST_MAGIC, (uint32_t) g_bytes_get_size (bytes) };

  if (!bpg_check_compatible (recording, bpg_model_get_bpm (model), error))
    return FALSE;
  self.kept = g_malloc (sizeof (struct virt_record));
  self.said = g_string_new (NULL);
  self.whole = g_array_new (FALSE, FALSE, sizeof (guint32));
  self.last = g_array_new (FALSE, FALSE, sizeof (guint32));
  self.pieces[0] = (VirtPiece) { (const guint8 *) &request, sizeof request };
  self.pieces[1] = (VirtPiece) { g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes) };
  if (n_samples > 0)
    self.pieces[2] = (VirtPiece) { (const guint8 *) bpg_emg_recording_get_sample (recording, 0),
                                   n_samples * bpg_emg_recording_get_channels (recording) * sizeof (gint16) };
  if (!start (&self, error) || !converse (&self, error) || !finish (&self, error))
    return FALSE;
  if (stats != NULL)
    {
      stats->model = request.model_length;
      stats->decisions = self.whole->len;
      stats->first = self.whole->len > 0 ? g_array_index (self.whole, guint32, 0) : 0;
      stats->whole = summarise (self.whole);
      stats->last = summarise (self.last);
    }
  return TRUE;
}
