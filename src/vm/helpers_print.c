/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* helpers_print.c: bpf_trace_printk, bpf_trace_vprintk, bpf_snprintf.
 *
 * The kernel's subset of formats: %% %c %s %p (also %px %pK %ps %pS %pB as an address, %pks %pus as
 * %s, %pi4 %pI4 %pi6 %pI6), and %d %i %u %x %X with l or ll, all with flags "0 +-" and a width.
 * Anything else is -EINVAL and prints nothing. A %s argument that the program may not read prints as
 * nothing, as in the kernel.
 */
#include "vm/helpers.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TRACE_ARGS  3	 /* of trace_printk */
#define VPRINT_ARGS 12	 /* of trace_vprintk and snprintf */
#define LINE_BYTES  1024 /* the kernel's buffer for one call */
#define SPEC_BYTES  24
#define STR_BYTES   512

struct text {
	char *buf;
	size_t size;
	size_t len; /* as if there were room */
};

struct format {
	struct vm_run *run;
	struct text *out;
	const char *at; /* in the format, NUL-terminated */
	const uint64_t *args;
	uint32_t args_left;
	char spec[SPEC_BYTES]; /* "%-08", flags and width of the current one */
};

__attribute__((format(printf, 2, 0))) static int text_vadd(struct text *text, const char *fmt,
							   va_list ap)
{
	size_t room = text->len < text->size ? text->size - text->len : 0;
	int len = vsnprintf(room ? text->buf + text->len : NULL, room, fmt, ap);

	if (len < 0)
		return -EINVAL;
	text->len += (size_t)len;
	return 0;
}

__attribute__((format(printf, 2, 3))) static int text_add(struct text *text, const char *fmt, ...)
{
	va_list ap;
	int err;

	va_start(ap, fmt);
	err = text_vadd(text, fmt, ap);
	va_end(ap);
	return err;
}

/* The spec collected so far with a conversion at its end, used on one value. */
static int add_number(struct format *f, const char *conversion, unsigned long long value)
{
	strcat(f->spec, conversion);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	return text_add(f->out, f->spec, value);
#pragma GCC diagnostic pop
}

static int add_text(struct format *f, const char *value)
{
	strcat(f->spec, "s");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	return text_add(f->out, f->spec, value);
#pragma GCC diagnostic pop
}

static int add_string(struct format *f, uint64_t addr)
{
	char copy[STR_BYTES];
	size_t len = 0;

	while (len + 1 < sizeof(copy)) {
		const char *from = memory_probe(f->run, addr + len, 1, VM_READ);

		if (!from || !*from)
			break;
		copy[len++] = *from;
	}
	copy[len] = '\0';
	return add_text(f, copy);
}

/* %pi4 and so on: f->at is behind the 'i' or 'I'. */
static int add_address(struct format *f, uint64_t addr)
{
	bool is_v6 = *f->at == '6';
	const void *from;
	char name[INET6_ADDRSTRLEN] = "";

	if (*f->at != '4' && *f->at != '6')
		return -EINVAL;
	f->at++;
	from = memory_probe(f->run, addr, is_v6 ? 16 : 4, VM_READ);
	if (from)
		inet_ntop(is_v6 ? AF_INET6 : AF_INET, from, name, sizeof(name));
	return add_text(f, name);
}

static int add_pointer(struct format *f, uint64_t value)
{
	char next = *f->at;

	if ((next == 'k' || next == 'u') && f->at[1] == 's') {
		f->at += 2;
		return add_string(f, value);
	}
	if (next == 'i' || next == 'I') {
		f->at++;
		return add_address(f, value);
	}
	if (next && strchr("KxsSB", next))
		f->at++;
	else if (next && !isspace((unsigned char)next) && !ispunct((unsigned char)next))
		return -EINVAL;
	return text_add(f->out, "%016llx", (unsigned long long)value);
}

static int add_integer(struct format *f, uint64_t value)
{
	char conversion[] = "ll?";
	int longs = 0;

	while (longs < 2 && *f->at == 'l') {
		longs++;
		f->at++;
	}
	conversion[2] = *f->at;
	switch (*f->at++) {
	case 'd':
	case 'i':
		return add_number(f, conversion, longs ? value : (uint64_t)(int64_t)(int32_t)value);
	case 'u':
	case 'x':
	case 'X': return add_number(f, conversion, longs ? value : (uint32_t)value);
	default: return -EINVAL;
	}
}

/* f->at is behind a '%'. */
static int add_conversion(struct format *f)
{
	const char *from = f->at - 1;
	uint64_t value;
	size_t len;

	f->at += strspn(f->at, "0+- ");
	f->at += strspn(f->at, "0123456789");
	len = (size_t)(f->at - from);
	/* Room for "llu"; the kernel takes longer ones, but none is sensible. */
	if (len + 4 > sizeof(f->spec) || !f->args_left)
		return -EINVAL;
	memcpy(f->spec, from, len);
	f->spec[len] = '\0';
	value = *f->args++;
	f->args_left--;
	switch (*f->at) {
	case 'p': f->at++; return add_pointer(f, value);
	case 's': f->at++; return add_string(f, value);
	case 'c': f->at++; return text_add(f->out, "%c", (char)value);
	default: return add_integer(f, value);
	}
}

static int format_text(struct format *f)
{
	int err = 0;

	while (*f->at && !err) {
		char c = *f->at++;

		if (!isascii((unsigned char)c) ||
		    (!isprint((unsigned char)c) && !isspace((unsigned char)c)))
			return -EINVAL;
		if (c != '%') {
			err = text_add(f->out, "%c", c);
		} else if (*f->at == '%') {
			f->at++;
			err = text_add(f->out, "%%");
		} else {
			err = add_conversion(f);
		}
	}
	return err;
}

static void print_line(const struct vm_run *run, struct text *line)
{
	size_t len = line->len < line->size ? line->len : line->size - 1;

	if (len && line->buf[len - 1] == '\n')
		line->buf[len - 1] = '\0';
	if (run->env && run->env->print)
		run->env->print(run->env->print_arg, line->buf);
	else
		fprintf(stderr, "%s\n", line->buf);
}

static uint64_t trace(struct vm_run *run, const char *fmt, uint64_t fmt_size, const uint64_t *args,
		      uint32_t arg_cnt)
{
	char buf[LINE_BYTES] = "";
	struct text line = {buf, sizeof(buf), 0};
	struct format f = {.run = run, .out = &line, .at = fmt, .args = args, .args_left = arg_cnt};
	uint64_t len;
	int err;

	if (!memchr(fmt, 0, fmt_size))
		return (uint64_t)-EINVAL;
	err = format_text(&f);
	if (err)
		return (uint64_t)(int64_t)err;
	len = line.len;
	print_line(run, &line);
	return len;
}

uint64_t helper_trace_printk(struct vm_run *run, uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4,
			     uint64_t r5)
{
	const uint64_t args[TRACE_ARGS] = {r3, r4, r5};

	return trace(run, (const char *)(uintptr_t)r1, r2, args, TRACE_ARGS);
}

/* Arguments in memory: a copy, since the program's need not be aligned. -1: bad size. */
static int args_copy(uint64_t data, uint64_t bytes, uint64_t *ret_args)
{
	if (bytes % 8 || bytes > VPRINT_ARGS * 8 || (bytes && !data))
		return -EINVAL;
	if (bytes)
		memcpy(ret_args, (const void *)(uintptr_t)data, bytes);
	return (int)(bytes / 8);
}

uint64_t helper_trace_vprintk(struct vm_run *run, uint64_t r1, uint64_t r2, uint64_t r3,
			      uint64_t r4, uint64_t r5)
{
	uint64_t args[VPRINT_ARGS];
	int count = args_copy(r3, r4, args);

	if (count < 0)
		return (uint64_t)(int64_t)count;
	return trace(run, (const char *)(uintptr_t)r1, r2, args, (uint32_t)count);
}

/* Returns the length with its NUL, also when the buffer is shorter. */
uint64_t helper_snprintf(struct vm_run *run, uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4,
			 uint64_t r5)
{
	struct text out = {(char *)(uintptr_t)r1, r2, 0};
	uint64_t args[VPRINT_ARGS];
	int count = args_copy(r4, r5, args);
	struct format f = {
		.run = run, .out = &out, .at = (const char *)(uintptr_t)r3, .args = args};
	int err;

	if (count < 0)
		return (uint64_t)(int64_t)count;
	if (r2)
		out.buf[0] = '\0';
	f.args_left = (uint32_t)count;
	err = format_text(&f);
	return err ? (uint64_t)(int64_t)err : out.len + 1;
}
