/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ROM jumps here with its own stack, which is left alone. */
  .section .text.start, "ax"
  .globl bpg_second_start
bpg_second_start:
  csrci mstatus, 8
  .option push
  .option norelax
  la gp, __global_pointer$
  .option pop
  la sp, second_stack_high
  la t0, second_bss_begin
  la t1, second_bss_end
1:
  bgeu t0, t1, 2f
  sw zero, 0(t0)
  addi t0, t0, 4
  j 1b
2:
  call bpg_second_main
3:
  j 3b
