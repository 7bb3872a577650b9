/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the second stage jumps to with the slot's number in a0; the vectors;
 * and what every trap does. */

  .equ FRAME, 80

  .section .text.start, "ax"
  .globl bpg_program_start
bpg_program_start:
  csrci mstatus, 8
  .option push
  .option norelax
  la gp, __global_pointer$
  .option pop
  la sp, program_stack_high
  mv s0, a0

  la a0, program_ram_code_begin
  la a1, program_ram_code_end
  la a2, program_ram_code_load
  /* Code is written by its address as data. */
  li t0, 0x700000
  sub a0, a0, t0
  sub a1, a1, t0
  call copy
  la a0, program_data_begin
  la a1, program_data_end
  la a2, program_data_load
  call copy
  la a0, program_bss_begin
  la a1, program_bss_end
  li a2, 0
  call fill
  la a0, program_stack_low
  mv a1, sp
  li a2, 0xb1b1b1b1
  call fill

  la t0, vectors
  ori t0, t0, 1
  csrw mtvec, t0
  mv a0, s0
  call bpg_program_main
1:
  j 1b

/* Words from a0 to a1 are set: to those from a2 on, or to a2. */
copy:
  bgeu a0, a1, 1f
  lw t0, 0(a2)
  sw t0, 0(a0)
  addi a0, a0, 4
  addi a2, a2, 4
  j copy
1:
  ret
fill:
  bgeu a0, a1, 1f
  sw a2, 0(a0)
  addi a0, a0, 4
  j fill
1:
  ret

/* The core jumps to the line's entry; entry 0 is for exceptions. */
  .section .ram.vectors, "ax"
  .option push
  .option norvc
  .balign 256
vectors:
  .rept 32
  j trap
  .endr
  .option pop

  .balign 4
trap:
  addi sp, sp, -FRAME
  sw ra, 0(sp)
  sw t0, 4(sp)
  sw t1, 8(sp)
  sw t2, 12(sp)
  sw a0, 16(sp)
  sw a1, 20(sp)
  sw a2, 24(sp)
  sw a3, 28(sp)
  sw a4, 32(sp)
  sw a5, 36(sp)
  sw a6, 40(sp)
  sw a7, 44(sp)
  sw t3, 48(sp)
  sw t4, 52(sp)
  sw t5, 56(sp)
  sw t6, 60(sp)
  csrr a0, mcause
  bgez a0, exception
  andi a0, a0, 31
  call bpg_interrupt_dispatch
  lw ra, 0(sp)
  lw t0, 4(sp)
  lw t1, 8(sp)
  lw t2, 12(sp)
  lw a0, 16(sp)
  lw a1, 20(sp)
  lw a2, 24(sp)
  lw a3, 28(sp)
  lw a4, 32(sp)
  lw a5, 36(sp)
  lw a6, 40(sp)
  lw a7, 44(sp)
  lw t3, 48(sp)
  lw t4, 52(sp)
  lw t5, 56(sp)
  lw t6, 60(sp)
  addi sp, sp, FRAME
  mret

/* The program is wrong: its watchdog resets it, with the hand where it is. */
exception:
  csrr a1, mepc
  csrr a2, mtval
  call bpg_program_exception
