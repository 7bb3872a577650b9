/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reset, exceptions, the call that is measured, and the door to QEMU. */

  .equ GUARD, 0x98        /* locked, a power of two in size, neither read nor written nor run */
  .equ CODE, 0x9d         /* locked, a power of two in size, read and run */

  .section .reset, "ax"
  .globl virt_start
virt_start:
  .option push
  .option norelax
  la gp, __global_pointer$
  .option pop
  la t0, virt_trap
  csrw mtvec, t0
  la sp, virt_main_stack_high

  /* What lies below the measured stack must not be touched, what lies in the code not be written. */
  la t0, virt_guard
  srli t0, t0, 2
  ori t0, t0, (4096 >> 3) - 1
  csrw pmpaddr0, t0
  la t0, virt_image_begin
  la t1, virt_code_size_half
  addi t1, t1, -1
  srli t0, t0, 2
  srli t1, t1, 2
  or t0, t0, t1
  csrw pmpaddr1, t0
  li t0, CODE << 8 | GUARD
  csrw pmpcfg0, t0

  la t0, virt_bss_begin
  la t1, virt_bss_end
1:
  bgeu t0, t1, 2f
  sw zero, 0(t0)
  addi t0, t0, 4
  j 1b
2:
  call virt_main
3:
  j 3b

/* An exception ends the run. One within telling of it ends it without a word. */
  .balign 4
virt_trap:
  la t0, virt_trap_again
  csrw mtvec, t0
  csrr a0, mcause
  csrr a1, mepc
  csrr a2, mtval
  mv a3, sp
  la sp, virt_trap_stack_high
  call virt_tell_trap
  .balign 4
virt_trap_again:
  la sp, virt_trap_stack_high
  li a0, 2                /* VIRT_STATUS_TRAP */
  call semihost_exit

/* Between the two readings are the call, the function, and the second reading itself. */
  .text
  .globl virt_measure
virt_measure:
  la t0, virt_stack_high
  addi t0, t0, -16
  sw ra, 0(t0)
  sw sp, 4(t0)
  sw s0, 8(t0)
  sw a4, 12(t0)
  mv sp, t0
  mv t1, a0
  mv a0, a1
  mv a1, a2
  mv a2, a3
  csrr s0, minstret
  jalr t1
  csrr t1, minstret
  sub t1, t1, s0
  addi t1, t1, -1
  lw a4, 12(sp)
  sw t1, 0(a4)
  lw ra, 0(sp)
  lw s0, 8(sp)
  lw sp, 4(sp)
  ret

  .globl virt_loop
virt_loop:
  addi a0, a0, -1
  bnez a0, virt_loop
  ret

/* These three instructions, of four bytes each and on one page, are what QEMU looks for. */
  .option push
  .option norvc
  .balign 16
  .globl virt_semihost
virt_semihost:
  slli zero, zero, 0x1f
  ebreak
  srai zero, zero, 7
  ret
  .option pop
