/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* raw_s390x.c: the system call instruction of this processor. */
#include "compat/raw.h"

#include <sys/syscall.h>

static long raw_six(long number, long a, long b, long c, long d, long e, long f)
{
	register long r1 __asm__("r1") = number;
	register long r2 __asm__("r2") = a;
	register long r3 __asm__("r3") = b;
	register long r4 __asm__("r4") = c;
	register long r5 __asm__("r5") = d;
	register long r6 __asm__("r6") = e;
	register long r7 __asm__("r7") = f;

	__asm__ volatile("svc 0"
			 : "+d"(r2)
			 : "d"(r1), "d"(r3), "d"(r4), "d"(r5), "d"(r6), "d"(r7)
			 : "memory");
	return r2;
}

long raw_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	/* Here mmap() alone takes its six arguments in memory. */
	long in_memory[] = {a, b, c, d, e, f};

	if (number == SYS_mmap)
		return raw_six(number, (long)in_memory, 0, 0, 0, 0, 0);
	return raw_six(number, a, b, c, d, e, f);
}
