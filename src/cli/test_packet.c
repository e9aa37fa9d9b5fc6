/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* test_packet.c: packets of test files: hexadecimal bytes, a frame of a capture, or a list of
 * headers (packet.def) and payloads, of which lengths, protocols and checksums are worked out. A
 * header reaches to the packet's end. */
#include "cli/capture.h"
#include "cli/test.h"

#include "bpfmap/bpfmap.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADERS_MAX 32

enum layer {
#define LAYER(name, size) LAYER_##name,
#define FIELD(layer, name, bit, bits, kind, otherwise)
#include "cli/packet.def"
#undef LAYER
#undef FIELD
	LAYERS
};

static const struct {
	const char *name;
	uint32_t size;
} layers[] = {
#define LAYER(name, size) {#name, size},
#define FIELD(layer, name, bit, bits, kind, otherwise)
#include "cli/packet.def"
#undef LAYER
#undef FIELD
};

enum field_kind { NUMBER, ADDRESS, FLAGS, AUTO };

enum field {
#define LAYER(name, size)
#define FIELD(layer, name, bit, bits, kind, otherwise) FIELD_##layer##_##name,
#include "cli/packet.def"
#undef LAYER
#undef FIELD
	FIELDS
};

static const struct field_info {
	enum layer layer;
	const char *name;
	uint32_t bit, bits;
	enum field_kind kind;
	uint64_t otherwise;
} fields[] = {
#define LAYER(name, size)
#define FIELD(layer, name, bit, bits, kind, otherwise) \
	{LAYER_##layer, #name, bit, bits, kind, otherwise},
#include "cli/packet.def"
#undef LAYER
#undef FIELD
};

struct header {
	enum layer layer;
	uint32_t off;
};

struct build {
	const struct test_file *file;
	struct test_packet *packet;
	struct header header[HEADERS_MAX];
	size_t count;
	bool given[HEADERS_MAX][FIELDS];
};

/* ---- bits ---- */

static void bits_put(uint8_t *at, uint32_t bit, uint32_t bits, uint64_t value)
{
	for (uint32_t i = 0; i < bits; i++) {
		uint32_t to = bit + bits - 1 - i;
		uint8_t one = (uint8_t)(0x80 >> to % 8);

		/* Addresses are wider than their default. */
		if (i < 64 && value >> i & 1)
			at[to / 8] |= one;
		else
			at[to / 8] &= (uint8_t)~one;
	}
}

static void field_put(struct build *build, size_t header, enum field field, uint64_t value)
{
	if (!build->given[header][field])
		bits_put(build->packet->bytes + build->header[header].off, fields[field].bit,
			 fields[field].bits, value);
}

/* ---- bytes ---- */

static int room(const struct build *build, const yaml_node_t *node, size_t size)
{
	if (build->packet->len + size <= TEST_PACKET_MAX)
		return 0;
	return test_refuse(build->file, node, "the packet is longer than %u bytes",
			   TEST_PACKET_MAX);
}

static int hex_add(struct build *build, const yaml_node_t *node)
{
	const char *s = test_scalar(node);

	if (!s)
		return test_refuse(build->file, node, "hexadecimal bytes are expected here");
	while (*s) {
		char digits[3] = {s[0], s[1], 0};

		if (isspace((unsigned char)*s) || *s == ':') {
			s++;
			continue;
		}
		if (strspn(digits, "0123456789abcdefABCDEF") != 2)
			return test_refuse(build->file, node, "'%.10s' is no hexadecimal byte", s);
		if (room(build, node, 1))
			return -EINVAL;
		build->packet->bytes[build->packet->len++] = (uint8_t)strtoul(digits, NULL, 16);
		s += 2;
	}
	return 0;
}

static int payload_add(struct build *build, const yaml_node_t *node)
{
	const char *s = test_scalar(node);

	if (!s)
		return test_refuse(build->file, node, "a text is expected here");
	if (room(build, node, strlen(s)))
		return -EINVAL;
	memcpy(build->packet->bytes + build->packet->len, s, strlen(s));
	build->packet->len += (uint32_t)strlen(s);
	return 0;
}

static int zeros_add(struct build *build, const yaml_node_t *node)
{
	uint64_t count = 0;
	int err = test_number(build->file, node, TEST_PACKET_MAX, &count);

	if (err || room(build, node, count))
		return -EINVAL;
	memset(build->packet->bytes + build->packet->len, 0, count);
	build->packet->len += (uint32_t)count;
	return 0;
}

/* ---- headers ---- */

static int address_put(const struct build *build, const yaml_node_t *node,
		       const struct field_info *field, uint8_t *at)
{
	const char *s = test_scalar(node);
	unsigned int mac[6];
	uint8_t bytes[16];
	int end = 0;

	if (field->bits == 32 && s && inet_pton(AF_INET, s, bytes) == 1) {
		memcpy(at + field->bit / 8, bytes, 4);
		return 0;
	}
	if (field->bits == 128 && s && inet_pton(AF_INET6, s, bytes) == 1) {
		memcpy(at + field->bit / 8, bytes, 16);
		return 0;
	}
	if (field->bits == 48 && s &&
	    sscanf(s, "%2x:%2x:%2x:%2x:%2x:%2x%n", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4],
		   &mac[5], &end) == 6 &&
	    !s[end]) {
		for (size_t i = 0; i < 6; i++)
			at[field->bit / 8 + i] = (uint8_t)mac[i];
		return 0;
	}
	return test_refuse(build->file, node, "%s: an %s address is expected here", field->name,
			   field->bits == 32   ? "IPv4"
			   : field->bits == 48 ? "Ethernet"
					       : "IPv6");
}

/* "syn ack", in any order, or a number. */
static int flags_read(const struct build *build, const yaml_node_t *node, uint64_t *ret_flags)
{
	static const char *const names[] = {"fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"};
	const char *s = test_scalar(node);

	if (s && isdigit((unsigned char)*s))
		return test_number(build->file, node, 255, ret_flags);
	*ret_flags = 0;
	while (s && *s) {
		size_t len = strcspn(s, " ,|"), i = 0;

		while (len && i < 8 && (strlen(names[i]) != len || memcmp(names[i], s, len)))
			i++;
		if (i == 8)
			return test_refuse(build->file, node,
					   "'%.*s' is no flag; there are fin, syn, rst, psh, ack, "
					   "urg, ece and cwr",
					   (int)len, s);
		if (len)
			*ret_flags |= 1u << i;
		s += len + (s[len] != 0);
	}
	return s ? 0 : test_refuse(build->file, node, "flags are names such as syn ack");
}

static int field_read(struct build *build, size_t header, enum field field, const yaml_node_t *node)
{
	const struct field_info *info = &fields[field];
	uint8_t *at = build->packet->bytes + build->header[header].off;
	uint64_t number = 0;
	int err;

	if (info->kind == ADDRESS) {
		err = address_put(build, node, info, at);
	} else {
		if (info->kind == FLAGS)
			err = flags_read(build, node, &number);
		else
			err = test_number(build->file, node, (1ull << info->bits) - 1, &number);
		bits_put(at, info->bit, info->bits, number);
	}
	build->given[header][field] = true;
	return err;
}

static int no_such_field(const struct build *build, const yaml_node_t *node, enum layer layer)
{
	struct text names = {0};
	int err;

	for (size_t i = 0; i < FIELDS; i++)
		if (fields[i].layer == layer)
			text_addf(&names, "%s%s", names.len ? ", " : "", fields[i].name);
	err = test_refuse(build->file, node, "%s has no field '%s'; it has %s", layers[layer].name,
			  test_scalar(node) ? test_scalar(node) : "?", text_str(&names));
	text_free(&names);
	return err;
}

static int fields_read(struct build *build, size_t header, const yaml_node_t *node)
{
	enum layer layer = build->header[header].layer;

	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = test_node(build->file, pair->key);
		const char *name = test_scalar(key);
		enum field field = 0;
		int err;

		while (field < FIELDS &&
		       (fields[field].layer != layer || !name || strcmp(fields[field].name, name)))
			field++;
		if (field == FIELDS)
			return no_such_field(build, key, layer);
		err = field_read(build, header, field, test_node(build->file, pair->value));
		if (err)
			return err;
	}
	return 0;
}

/* node NULL: nothing is given. */
static int header_add(struct build *build, enum layer layer, const yaml_node_t *place,
		      const yaml_node_t *node)
{
	struct header *header = &build->header[build->count];

	if (build->count == HEADERS_MAX)
		return test_refuse(build->file, place, "a packet of more than %d headers",
				   HEADERS_MAX);
	if (room(build, place, layers[layer].size))
		return -EINVAL;
	*header = (struct header){layer, build->packet->len};
	memset(build->packet->bytes + header->off, 0, layers[layer].size);
	build->packet->len += layers[layer].size;
	for (enum field i = 0; i < FIELDS; i++)
		if (fields[i].layer == layer)
			field_put(build, build->count, i, fields[i].otherwise);
	build->count++;
	if (!node || (test_scalar(node) && !*test_scalar(node)))
		return 0;
	if (node->type != YAML_MAPPING_NODE)
		return test_refuse(build->file, node, "fields are expected here: { src: ... }");
	return fields_read(build, build->count - 1, node);
}

static int part_add(struct build *build, const yaml_node_t *place, const char *name,
		    const yaml_node_t *node)
{
	static const struct {
		const char *name;
		int (*add)(struct build *build, const yaml_node_t *node);
	} parts[] = {{"payload", payload_add}, {"hex", hex_add}, {"zeros", zeros_add}};
	struct text names = {0};
	int err;

	for (enum layer i = 0; i < LAYERS; i++)
		if (!strcmp(layers[i].name, name))
			return header_add(build, i, place, node);
	for (size_t i = 0; node && i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!strcmp(parts[i].name, name))
			return parts[i].add(build, node);
	for (enum layer i = 0; i < LAYERS; i++)
		text_addf(&names, "%s, ", layers[i].name);
	err = test_refuse(build->file, place,
			  "what is '%s'? A packet is made of %spayload, hex and zeros", name,
			  text_str(&names));
	text_free(&names);
	return err;
}

/* ---- what is worked out ---- */

static uint16_t checksum(const uint8_t *data, size_t size, uint64_t sum)
{
	for (size_t i = 0; i < size; i++)
		sum += i % 2 ? data[i] : (uint64_t)data[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static uint64_t sum_of(const uint8_t *data, size_t size)
{
	return (uint16_t)~checksum(data, size, 0);
}

/* Over the header, what is behind it, and the pseudo header of the IP before it. */
static uint16_t transport_checksum(const struct build *build, size_t header, uint8_t protocol)
{
	const uint8_t *bytes = build->packet->bytes;
	uint32_t off = build->header[header].off, size = build->packet->len - off;
	const struct header *ip = header ? &build->header[header - 1] : NULL;
	uint64_t pseudo = protocol + size;

	if (ip && ip->layer == LAYER_ipv4)
		pseudo += sum_of(bytes + ip->off + 12, 8);
	else if (ip && ip->layer == LAYER_ipv6)
		pseudo += sum_of(bytes + ip->off + 8, 32);
	else
		pseudo = 0;
	return checksum(bytes + off, size, pseudo);
}

static uint64_t ethertype(enum layer next)
{
	switch (next) {
	case LAYER_ipv4: return 0x0800;
	case LAYER_ipv6: return 0x86dd;
	case LAYER_arp: return 0x0806;
	case LAYER_vlan: return 0x8100;
	default: return 0;
	}
}

static uint64_t ip_protocol(enum layer next)
{
	switch (next) {
	case LAYER_ipv4: return IPPROTO_IPIP;
	case LAYER_ipv6: return IPPROTO_IPV6;
	case LAYER_tcp: return IPPROTO_TCP;
	case LAYER_udp: return IPPROTO_UDP;
	case LAYER_icmp: return IPPROTO_ICMP;
	case LAYER_icmpv6: return IPPROTO_ICMPV6;
	default: return 0;
	}
}

static void ipv4_finish(struct build *build, size_t header, enum layer next)
{
	const uint8_t *at = build->packet->bytes + build->header[header].off;
	uint32_t rest = build->packet->len - build->header[header].off;
	uint32_t size = (at[0] & 15) * 4u;

	field_put(build, header, FIELD_ipv4_length, rest);
	field_put(build, header, FIELD_ipv4_protocol, ip_protocol(next));
	field_put(build, header, FIELD_ipv4_checksum, checksum(at, size < rest ? size : rest, 0));
}

static void udp_finish(struct build *build, size_t header)
{
	uint32_t size = build->packet->len - build->header[header].off;
	uint16_t sum;

	field_put(build, header, FIELD_udp_length, size);
	sum = transport_checksum(build, header, IPPROTO_UDP);
	/* Zero means that there is none. */
	field_put(build, header, FIELD_udp_checksum, sum ? sum : 0xffff);
}

static void header_finish(struct build *build, size_t header)
{
	enum layer next = header + 1 < build->count ? build->header[header + 1].layer : LAYERS;
	const uint8_t *at = build->packet->bytes + build->header[header].off;
	uint32_t rest = build->packet->len - build->header[header].off;

	switch (build->header[header].layer) {
	case LAYER_eth: field_put(build, header, FIELD_eth_type, ethertype(next)); break;
	case LAYER_vlan: field_put(build, header, FIELD_vlan_type, ethertype(next)); break;
	case LAYER_ipv4: ipv4_finish(build, header, next); break;
	case LAYER_ipv6:
		field_put(build, header, FIELD_ipv6_length, rest - 40);
		field_put(build, header, FIELD_ipv6_next, ip_protocol(next));
		break;
	case LAYER_tcp:
		field_put(build, header, FIELD_tcp_checksum,
			  transport_checksum(build, header, IPPROTO_TCP));
		break;
	case LAYER_udp: udp_finish(build, header); break;
	case LAYER_icmp:
		field_put(build, header, FIELD_icmp_checksum, checksum(at, rest, 0));
		break;
	case LAYER_icmpv6:
		field_put(build, header, FIELD_icmpv6_checksum,
			  transport_checksum(build, header, IPPROTO_ICMPV6));
		break;
	default: break;
	}
}

/* ---- packets ---- */

static int layers_read(struct build *build, const yaml_node_t *node)
{
	for (yaml_node_item_t *item = node->data.sequence.items.start;
	     item < node->data.sequence.items.top; item++) {
		const yaml_node_t *part = test_node(build->file, *item), *key = part, *value = NULL;
		int err;

		if (part->type == YAML_MAPPING_NODE &&
		    part->data.mapping.pairs.top == part->data.mapping.pairs.start + 1) {
			key = test_node(build->file, part->data.mapping.pairs.start->key);
			value = test_node(build->file, part->data.mapping.pairs.start->value);
		}
		if (!test_scalar(key))
			return test_refuse(build->file, part,
					   "a header is expected here: - ipv4: "
					   "{ src: 10.0.0.1 }");
		err = part_add(build, key, test_scalar(key), value);
		if (err)
			return err;
	}
	/* From the innermost out: checksums cover what is inside. */
	for (size_t i = build->count; i-- > 0;)
		header_finish(build, i);
	return 0;
}

/* A path in a test file is relative to it. */
static void path_beside(const struct test_file *file, const char *path, struct text *ret)
{
	const char *slash = strrchr(file->path, '/');

	if (*path != '/' && slash)
		text_add(ret, file->path, (size_t)(slash - file->path) + 1);
	text_addf(ret, "%s", path);
}

static int frame_find(const struct test_file *file, const yaml_node_t *node, const char *path,
		      uint64_t frame, struct test_packet *packet)
{
	struct capture_packet found;
	struct capture *capture;
	char why[400];
	int status, err = capture_open(path, &capture);

	for (uint64_t i = 0; !err && i < frame; i++) {
		status = capture_next(capture, &found);
		if (status == CAPTURE_END) {
			capture_close(capture);
			return test_refuse(file, node, "%s has only %" PRIu64 " frames", path, i);
		}
		if (status < 0)
			err = status;
		if (err)
			capture_close(capture);
	}
	if (err) {
		snprintf(why, sizeof(why), "%s", bpfmap_last_error());
		return test_refuse(file, node, "%s", why);
	}
	packet->len = found.size < TEST_PACKET_MAX ? found.size : TEST_PACKET_MAX;
	memcpy(packet->bytes, found.data, packet->len);
	capture_close(capture);
	return 0;
}

/* { pcap: FILE, frame: N } */
static int frame_read(const struct test_file *file, const yaml_node_t *node,
		      struct test_packet *packet)
{
	const char *path = NULL;
	struct text whole = {0};
	uint64_t frame = 1;
	int err = 0;

	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     !err && pair < node->data.mapping.pairs.top; pair++) {
		const char *key = test_scalar(test_node(file, pair->key));
		const yaml_node_t *value = test_node(file, pair->value);

		if (key && !strcmp(key, "pcap"))
			path = test_scalar(value);
		else if (key && !strcmp(key, "frame"))
			err = test_number(file, value, UINT32_MAX, &frame);
		else
			err = test_refuse(file, test_node(file, pair->key),
					  "a frame of a capture is { pcap: FILE, frame: N }");
	}
	if (!err && (!path || !frame))
		err = test_refuse(file, node,
				  "a frame of a capture is { pcap: FILE, frame: N }, "
				  "the first one is 1");
	if (err)
		return err;
	path_beside(file, path, &whole);
	err = frame_find(file, node, text_str(&whole), frame, packet);
	text_free(&whole);
	return err;
}

int test_packet(const struct test_file *file, const yaml_node_t *node, struct test_packet *ret)
{
	struct build *build;
	int err;

	ret->len = 0;
	if (node->type == YAML_MAPPING_NODE)
		return frame_read(file, node, ret);
	build = must_realloc(NULL, sizeof(*build));
	*build = (struct build){.file = file, .packet = ret};
	if (node->type == YAML_SEQUENCE_NODE)
		err = layers_read(build, node);
	else
		err = hex_add(build, node);
	free(build);
	return err;
}
