/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* decode.c: decoders of labels. Each is given bytes and appends text. */
#include "export/decode.h"

#include "base/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

struct decoder {
	const char *name;
	/* 1, 0: leave the element out, -EINVAL. in is zero-terminated behind its len bytes. */
	int (*run)(const struct config_decoder *how, const struct text *in, struct text *out);
	const char *absent; /* why there is none */
};

static int decode_string(const struct config_decoder *how, const struct text *in, struct text *out)
{
	text_add(out, text_str(in), strnlen(text_str(in), in->len));
	return 1;
}

/* Labels with a length before each, as in DNS packets. */
static int decode_dname(const struct config_decoder *how, const struct text *in, struct text *out)
{
	const uint8_t *s = (const uint8_t *)text_str(in);

	for (size_t i = 0; i < in->len && s[i];) {
		size_t len = s[i] < in->len - i - 1 ? s[i] : in->len - i - 1;

		if (out->len)
			text_add(out, ".", 1);
		text_add(out, (const char *)s + i + 1, len);
		i += len + 1;
	}
	return 1;
}

static int decode_uint(const struct config_decoder *how, const struct text *in, struct text *out)
{
	uint64_t value = 0;

	if (in->len != 1 && in->len != 2 && in->len != 4 && in->len != 8)
		return fail(EINVAL, "uint: the label has %zu bytes, not 1, 2, 4 or 8", in->len);
	memcpy(&value, in->s, in->len);
	text_addf(out, "%" PRIu64, value);
	return 1;
}

static int decode_hex(const struct config_decoder *how, const struct text *in, struct text *out)
{
	for (size_t i = 0; i < in->len; i++)
		text_addf(out, "%02x", (uint8_t)in->s[i]);
	return 1;
}

static int decode_inet_ip(const struct config_decoder *how, const struct text *in, struct text *out)
{
	static const char mapped[12] = {[10] = '\xff', '\xff'};
	bool is_mapped = in->len == 16 && !memcmp(in->s, mapped, sizeof(mapped));
	char spelt[INET6_ADDRSTRLEN];

	if (in->len != 4 && in->len != 16)
		return fail(EINVAL, "inet_ip: the label has %zu bytes, not 4 or 16", in->len);
	if (is_mapped || in->len == 4)
		inet_ntop(AF_INET, in->s + in->len - 4, spelt, sizeof(spelt));
	else
		inet_ntop(AF_INET6, in->s, spelt, sizeof(spelt));
	text_addf(out, "%s", spelt);
	return 1;
}

/* The decoder before this one has made the number. */
static void unknown_add(struct text *out, const struct text *in)
{
	text_addf(out, "unknown:");
	text_add(out, text_str(in), in->len);
}

static int decode_ifname(const struct config_decoder *how, const struct text *in, struct text *out)
{
	char name[IF_NAMESIZE];

	if (if_indextoname((unsigned int)strtoul(text_str(in), NULL, 10), name))
		text_addf(out, "%s", name);
	else
		unknown_add(out, in);
	return 1;
}

static int decode_errno(const struct config_decoder *how, const struct text *in, struct text *out)
{
	unsigned long number = strtoul(text_str(in), NULL, 10);
	const char *name = number && number < 4096 ? strerrorname_np((int)number) : NULL;

	if (name)
		text_addf(out, "%s", name);
	else
		unknown_add(out, in);
	return 1;
}

static int decode_static_map(const struct config_decoder *how, const struct text *in,
			     struct text *out)
{
	for (size_t i = 0; i < how->pairs; i++) {
		const struct config_pair *pair = &how->static_map[i];

		if (strlen(pair->from) == in->len && !memcmp(pair->from, text_str(in), in->len)) {
			text_addf(out, "%s", pair->to);
			return 1;
		}
	}
	if (how->allow_unknown)
		text_add(out, text_str(in), in->len);
	else
		unknown_add(out, in);
	return 1;
}

static int decode_regexp(const struct config_decoder *how, const struct text *in, struct text *out)
{
	for (size_t i = 0; i < how->regexps; i++) {
		if (regexec(&how->regexp[i], text_str(in), 0, NULL, 0))
			continue;
		text_add(out, text_str(in), in->len);
		return 1;
	}
	return 0;
}

static const struct decoder decoders[] = {
#define DECODER(name)		     {#name, decode_##name, NULL},
#define DECODER_ABSENT(name, reason) {#name, NULL, reason},
#include "export/decoders.def"
#undef DECODER
#undef DECODER_ABSENT
};

int decoder_find(const char *name, const struct decoder **ret_decoder)
{
	struct text known = {0};

	for (size_t i = 0; i < sizeof(decoders) / sizeof(decoders[0]); i++) {
		if (strcmp(decoders[i].name, name)) {
			if (decoders[i].run)
				text_addf(&known, "%s%s", known.len ? ", " : "", decoders[i].name);
			continue;
		}
		text_free(&known);
		if (!decoders[i].run)
			return fail(EINVAL, "bpfmap has no decoder %s: %s", name,
				    decoders[i].absent);
		*ret_decoder = &decoders[i];
		return 0;
	}
	fail(EINVAL, "there is no decoder '%.40s'; there are %s", name, text_str(&known));
	text_free(&known);
	return -EINVAL;
}

int decode_label(const struct config_label *label, const uint8_t *bytes, struct text *ret_text)
{
	struct text in = {0};
	int ret = 1;

	text_add(&in, (const char *)bytes, label->size);
	for (size_t i = 0; ret == 1 && i < label->decoders; i++) {
		struct text out = {0};

		ret = label->decoder[i].decoder->run(&label->decoder[i], &in, &out);
		text_free(&in);
		in = out;
	}
	if (ret == 1)
		text_add(ret_text, text_str(&in), in.len);
	text_free(&in);
	return ret;
}
