/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* helpers_print.c: bpf_trace_printk, bpf_trace_vprintk, bpf_snprintf.
 *
 * The kernel's subset of formats: %% %c %s %p (also %px %pK %ps %pS %pB as an address, %pks %pus as
 * %s, %pi4 %pI4 %pi6 %pI6), and %d %i %u %x %X with l or ll, all with flags "0 +-" and a width.
 * Anything else is -EINVAL and prints nothing. A %s argument that the program may not read prints
 * as nothing, as in the kernel.
 *
 * A format is copied before it is used: it may lie in a map that others write, or in the memory
 * that is written here. Padding costs no more than what of it is kept, so a width is no way to stay
 * long.
 */
#include "vm/helpers.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRACE_ARGS  3	 /* of trace_printk */
#define VPRINT_ARGS 12	 /* of trace_vprintk and snprintf */
#define LINE_BYTES  1024 /* the kernel's buffer for one call */
#define STR_BYTES   512
#define WIDTH_MAX   8388607u /* the kernel's, which takes larger ones for this */

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
	/* Of the current conversion. */
	uint32_t width;
	bool left;
	bool zero;
	char sign; /* '+', ' ' or 0 */
};

static void text_put(struct text *text, const char *from, size_t len)
{
	size_t room = text->len + 1 < text->size ? text->size - text->len - 1 : 0;
	size_t part = len < room ? len : room;

	if (part)
		memcpy(text->buf + text->len, from, part);
	if (room)
		text->buf[text->len + part] = '\0';
	text->len += len;
}

static void text_pad(struct text *text, char with, size_t len)
{
	size_t room = text->len + 1 < text->size ? text->size - text->len - 1 : 0;
	size_t part = len < room ? len : room;

	if (part)
		memset(text->buf + text->len, with, part);
	if (room)
		text->buf[text->len + part] = '\0';
	text->len += len;
}

/* The conversion's text, padded to its width. Zeroes go behind the sign. */
static void add_padded(struct format *f, const char *text, bool is_number)
{
	size_t len = strlen(text), pad = f->width > len ? f->width - len : 0;
	size_t sign = is_number && len && strchr("+- ", text[0]) ? 1 : 0;
	bool zero = f->zero && is_number && !f->left;

	if (!f->left && !zero)
		text_pad(f->out, ' ', pad);
	text_put(f->out, text, zero ? sign : len);
	if (zero) {
		text_pad(f->out, '0', pad);
		text_put(f->out, text + sign, len - sign);
	}
	if (f->left)
		text_pad(f->out, ' ', pad);
}

static int add_signed(struct format *f, int64_t value)
{
	char text[24];
	const char *sign = value >= 0 && f->sign == '+' ? "+" : value >= 0 && f->sign ? " " : "";

	snprintf(text, sizeof(text), "%s%lld", sign, (long long)value);
	add_padded(f, text, true);
	return 0;
}

static int add_unsigned(struct format *f, char conversion, uint64_t value)
{
	const char *how = conversion == 'u' ? "%llu" : conversion == 'x' ? "%llx" : "%llX";
	char text[24];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(text, sizeof(text), how, (unsigned long long)value);
#pragma GCC diagnostic pop
	add_padded(f, text, true);
	return 0;
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
	add_padded(f, copy, false);
	return 0;
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
	add_padded(f, name, false);
	return 0;
}

static int add_pointer(struct format *f, uint64_t value)
{
	char next = *f->at;
	char text[24];

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
	snprintf(text, sizeof(text), "%016llx", (unsigned long long)value);
	text_put(f->out, text, strlen(text));
	return 0;
}

static int add_integer(struct format *f, uint64_t value)
{
	int longs = 0;
	char conversion;

	while (longs < 2 && *f->at == 'l') {
		longs++;
		f->at++;
	}
	conversion = *f->at++;
	switch (conversion) {
	case 'd':
	case 'i': return add_signed(f, longs ? (int64_t)value : (int32_t)value);
	case 'u':
	case 'x':
	case 'X': return add_unsigned(f, conversion, longs ? value : (uint32_t)value);
	default: return -EINVAL;
	}
}

/* Flags and width, f->at behind the '%'. */
static void spec_read(struct format *f)
{
	f->width = 0;
	f->left = f->zero = false;
	f->sign = 0;
	for (; *f->at && strchr("0+- ", *f->at); f->at++) {
		f->left |= *f->at == '-';
		f->zero |= *f->at == '0';
		if (*f->at == '+' || (*f->at == ' ' && !f->sign))
			f->sign = *f->at;
	}
	for (; isdigit((unsigned char)*f->at); f->at++) {
		f->width = f->width * 10 + (uint32_t)(*f->at - '0');
		if (f->width > WIDTH_MAX)
			f->width = WIDTH_MAX;
	}
}

/* f->at is behind a '%'. */
static int add_conversion(struct format *f)
{
	uint64_t value;
	char c;

	spec_read(f);
	if (!f->args_left)
		return -EINVAL;
	value = *f->args++;
	f->args_left--;
	switch (*f->at) {
	case 'p': f->at++; return add_pointer(f, value);
	case 's': f->at++; return add_string(f, value);
	case 'c':
		f->at++;
		c = (char)value;
		text_put(f->out, &c, 1);
		return 0;
	default: return add_integer(f, value);
	}
}

static int format_text(struct format *f)
{
	int err = 0;

	while (!err && *f->at) {
		char c = *f->at++;

		if (!isascii((unsigned char)c) ||
		    (!isprint((unsigned char)c) && !isspace((unsigned char)c)))
			return -EINVAL;
		if (c != '%') {
			text_put(f->out, &c, 1);
		} else if (*f->at == '%') {
			f->at++;
			text_put(f->out, "%", 1);
		} else {
			err = add_conversion(f);
		}
	}
	return err;
}

/* copy NULL: there was no memory for it. */
static int format_copied(struct vm_run *run, struct text *out, const char *copy,
			 const uint64_t *args, uint32_t arg_cnt)
{
	struct format f = {.run = run, .out = out, .at = copy, .args = args, .args_left = arg_cnt};

	if (!copy)
		return vm_fault(run, ENOMEM, "no memory for a format");
	return format_text(&f);
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
	uint64_t len;
	char *copy;
	int err;

	if (!memchr(fmt, 0, fmt_size))
		return (uint64_t)-EINVAL;
	copy = strndup(fmt, fmt_size);
	err = format_copied(run, &line, copy, args, arg_cnt);
	free(copy);
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

/* The program's string at addr, as far as it may read it. */
static char *string_copy(struct vm_run *run, uint64_t addr)
{
	size_t len = 0;
	const char *from = memory_probe(run, addr, 1, VM_READ);

	while (from && *from)
		from = memory_probe(run, addr + ++len, 1, VM_READ);
	return strndup((const char *)(uintptr_t)addr, len);
}

/* Returns the length with its NUL, also when the buffer is shorter. */
uint64_t helper_snprintf(struct vm_run *run, uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4,
			 uint64_t r5)
{
	struct text out = {(char *)(uintptr_t)r1, r2, 0};
	uint64_t args[VPRINT_ARGS];
	int count = args_copy(r4, r5, args);
	char *copy;
	int err;

	if (count < 0)
		return (uint64_t)(int64_t)count;
	copy = string_copy(run, r3);
	if (r2)
		out.buf[0] = '\0';
	err = format_copied(run, &out, copy, args, (uint32_t)count);
	free(copy);
	return err ? (uint64_t)(int64_t)err : out.len + 1;
}
