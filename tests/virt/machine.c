/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "machine.h"

gboolean
machine_is_there (void)
{
  g_autofree char *qemu = g_find_program_in_path ("qemu-system-riscv32");

  if (qemu == NULL)
    g_test_skip ("qemu-system-riscv32 is not installed");
  else if (g_getenv ("BIONICPRO_VIRT_PROOF") == NULL)
    g_test_skip ("there is no RISC-V build: its compiler is not installed");
  else
    return TRUE;
  return FALSE;
}

void
machine_add_task (GByteArray *tasks, enum virt_task_kind kind, guint32 first, guint32 second, GBytes *bytes)
{
  struct virt_task task = { .magic = VIRT_TASK_MAGIC, .kind = kind, .argument = { first, second } };

  if (bytes != NULL)
    task.length = (guint32) g_bytes_get_size (bytes);
  g_assert_cmpuint (task.length, <=, VIRT_TASK_MOST);
  g_byte_array_append (tasks, (const guint8 *) &task, sizeof task);
  if (bytes != NULL)
    g_byte_array_append (tasks, g_bytes_get_data (bytes, NULL), task.length);
}

struct virt_answer *
machine_run (const char *variable, const GByteArray *tasks, gsize n_answers)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) input = g_bytes_new (tasks->data, tasks->len);
  g_autoptr (GBytes) output = NULL;
  g_autoptr (GSubprocess) qemu
    = g_subprocess_new (G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error, "qemu-system-riscv32",
                        "-machine", "virt", "-cpu", "rv32,a=off,f=off,d=off,s=off,u=off,h=off,mmu=off", "-m", "32M",
                        "-bios", "none", "-nodefaults", "-display", "none", "-serial", "none", "-monitor", "none",
                        "-no-reboot", "-semihosting-config", "enable=on,target=native", "-kernel",
                        g_getenv (variable), NULL);

  g_assert_no_error (error);
  g_subprocess_communicate (qemu, input, NULL, &output, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_subprocess_get_if_exited (qemu));
  g_assert_cmpint (g_subprocess_get_exit_status (qemu), ==, 0);
  g_assert_cmpuint (g_bytes_get_size (output), ==, n_answers * sizeof (struct virt_answer));
  return g_memdup2 (g_bytes_get_data (output, NULL), g_bytes_get_size (output));
}
