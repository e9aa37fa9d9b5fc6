/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* prog_run.c: BPF_PROG_TEST_RUN, with the limits and quirks that the kernel 6.18 shows:
 *
 *   XDP            14 bytes at least; 256 bytes of head room; what does not fit a page behind it is
 *                  a fragment: the program does not see it, and it is put behind the result again
 *   SCHED_CLS      14 to 3712 bytes
 *   SOCKET_FILTER  as SCHED_CLS, but the program sees the packet without its Ethernet header, and
 *                  the header comes back as zeroes
 *   all three      data_size_out too small: what fits is copied, the full size reported, ENOSPC
 *   SYSCALL        a context alone, at most 65535 bytes, copied back into ctx_in
 *
 * Repeated runs go on with the packet and context that the run before left. A run that the virtual
 * machine stops ends the command with its errno and sentence; the kernel has no such case. Live
 * frames (BPF_F_TEST_XDP_LIVE_FRAMES) are EINVAL: there are no devices to send them to.
 */
#include "base/clock.h"
#include "base/error.h"
#include "bpf/commands.h"
#include "bpf/fd.h"
#include "bpf/prog.h"
#include "bpf/user.h"
#include "vm/vm.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#define ETH_LEN	     14u
#define XDP_HEAD     256u
#define SKB_HEAD     64u
#define ROOM	     (4096u - 320u) /* a page less what the kernel keeps at its end */
#define XDP_SIZE_MAX (ROOM - XDP_HEAD + 17u * 4096u)
#define XDP_META_MAX 252u
#define CTX_MAX	     65535u
#define SKB_FLAGS    4u /* BPF_F_TEST_SKB_CHECKSUM_COMPLETE */
#define LOOPBACK     1u

union packet_ctx {
	struct xdp_md xdp;
	struct __sk_buff skb;
};

/* One command under way. */
struct test_run {
	const struct attr_test *test;
	const struct call *call;
	const struct vm_prog *vm;
	uint8_t *data; /* as given; bytes from linear on are the fragments */
	uint32_t linear;
	uint8_t buf[ROOM];
	struct vm_packet packet;
	union packet_ctx ctx;
	uint32_t ctx_size;
	uint32_t retval;
	uint32_t duration_ns;
};

static int has_ctx(const struct attr_test *test)
{
	return test->ctx_in || test->ctx_out;
}

static int ctx_read(struct test_run *run)
{
	const struct attr_test *test = run->test;
	uint8_t bytes[4096] = {0};

	if (test->ctx_size_in > sizeof(bytes))
		return fail(E2BIG, "a context of %u bytes", test->ctx_size_in);
	if (user_copy_in(bytes, test->ctx_in, test->ctx_size_in, "the context"))
		return -EFAULT;
	for (uint32_t i = run->ctx_size; i < test->ctx_size_in; i++)
		if (bytes[i])
			return fail(E2BIG, "the context has values beyond its %u bytes",
				    run->ctx_size);
	memcpy(&run->ctx, bytes, run->ctx_size);
	return 0;
}

static int data_read(struct test_run *run, uint32_t max)
{
	const struct attr_test *test = run->test;

	if (test->data_size_in < ETH_LEN)
		return fail(EINVAL, "a packet of %u bytes; it needs an Ethernet header of %u",
			    test->data_size_in, ETH_LEN);
	if (test->data_size_in > max)
		return fail(max == XDP_SIZE_MAX ? ENOMEM : EINVAL,
			    "a packet of %u bytes; the largest is %u", test->data_size_in, max);
	run->data = malloc(test->data_size_in);
	if (!run->data)
		return fail(ENOMEM, "no memory for a packet of %u bytes", test->data_size_in);
	return user_copy_in(run->data, test->data_in, test->data_size_in, "the packet");
}

/* Run repeat times on what is in run. */
static int packet_runs(struct test_run *run)
{
	uint32_t repeat = run->test->repeat ? run->test->repeat : 1;
	struct vm_env env = {.insn_budget = 0};
	uint64_t start = clock_now_ns();
	int err = 0;

	for (uint32_t i = 0; !err && i < repeat; i++)
		err = vm_run_packet(run->vm, &env, &run->packet,
				    has_ctx(run->test) ? &run->ctx : NULL, run->ctx_size,
				    &run->retval);
	run->duration_ns = (uint32_t)((clock_now_ns() - start) / repeat);
	return err;
}

static int results_put(const struct test_run *run, uint32_t size)
{
	const struct call *call = run->call;

	if (call_put_u32(call, offsetof(struct attr_test, data_size_out), size) ||
	    call_put_u32(call, offsetof(struct attr_test, retval), run->retval) ||
	    call_put_u32(call, offsetof(struct attr_test, duration), run->duration_ns))
		return -EFAULT;
	return 0;
}

/* The first part_size bytes of the result, then the fragments behind it. */
static int data_deliver(const struct test_run *run, const uint8_t *part, uint32_t part_size)
{
	const struct attr_test *test = run->test;
	uint32_t rest = test->data_size_in - run->linear;
	uint32_t size = part_size + rest;
	uint32_t room = size;
	int err = 0;

	if (test->data_size_out && test->data_size_out < size)
		room = test->data_size_out;
	if (part_size > room)
		part_size = room;
	if (rest > room - part_size)
		rest = room - part_size;
	if (test->data_out)
		err = user_copy_out(test->data_out, part, part_size, "data_out");
	if (!err && test->data_out && rest)
		err = user_copy_out(test->data_out + part_size, run->data + run->linear, rest,
				    "data_out");
	if (!err)
		err = results_put(run, size);
	if (!err && room < size)
		err = fail(ENOSPC, "data_out has room for %u of %u bytes", room, size);
	return err;
}

static int ctx_deliver(const struct test_run *run)
{
	const struct attr_test *test = run->test;
	uint32_t part = run->ctx_size;
	int err;

	if (!test->ctx_out)
		return 0;
	if (test->ctx_size_out < part)
		part = test->ctx_size_out;
	err = user_copy_out(test->ctx_out, &run->ctx, part, "ctx_out");
	if (!err)
		err = call_put_u32(run->call, offsetof(struct attr_test, ctx_size_out),
				   run->ctx_size);
	if (!err && part < run->ctx_size)
		err = fail(ENOSPC, "ctx_out has room for %u of %u bytes", part, run->ctx_size);
	return err;
}

static int results_deliver(const struct test_run *run, const uint8_t *part, uint32_t part_size)
{
	int err = data_deliver(run, part, part_size);

	return err ? err : ctx_deliver(run);
}

static int ifindex_check(uint32_t ifindex)
{
	char name[IF_NAMESIZE];

	if (ifindex && !if_indextoname(ifindex, name))
		return fail(ENODEV, "there is no device with ifindex %u", ifindex);
	return 0;
}

static int xdp_ctx_check(const struct xdp_md *md, uint32_t size)
{
	if (md->data_meta || md->data > md->data_end || md->data_end > size || md->egress_ifindex)
		return fail(EINVAL,
			    "the context's data %u, data_end %u, data_meta %u, "
			    "egress_ifindex %u do not fit a packet of %u bytes",
			    md->data, md->data_end, md->data_meta, md->egress_ifindex, size);
	if ((md->data & 3) || md->data > XDP_META_MAX || size - md->data < ETH_LEN)
		return fail(EINVAL,
			    "%u bytes of metadata: not a multiple of 4 up to %u, or no packet "
			    "behind it",
			    md->data, XDP_META_MAX);
	if (md->rx_queue_index && md->ingress_ifindex <= LOOPBACK)
		return fail(EINVAL, "rx_queue_index %u without a device that has it",
			    md->rx_queue_index);
	return ifindex_check(md->ingress_ifindex);
}

static int xdp_run(struct test_run *run)
{
	const struct attr_test *test = run->test;
	struct xdp_md given;
	uint32_t meta, start;
	int err;

	if (test->flags || test->batch_size)
		return fail(EINVAL, "flags %#x, batch_size %u: live frames are not supported",
			    test->flags, test->batch_size);
	run->ctx_size = sizeof(run->ctx.xdp);
	err = ctx_read(run);
	if (!err)
		err = data_read(run, XDP_SIZE_MAX);
	if (!err)
		err = xdp_ctx_check(&run->ctx.xdp, test->data_size_in);
	if (err)
		return err;
	given = run->ctx.xdp;
	meta = given.data;
	start = XDP_HEAD - meta;
	run->linear = test->data_size_in < ROOM - start ? test->data_size_in : ROOM - start;
	memcpy(run->buf + start, run->data, run->linear);
	run->packet = (struct vm_packet){
		.buf = run->buf,
		.buf_size = ROOM,
		.off = XDP_HEAD,
		.len = run->linear - meta,
		.meta_len = meta,
		.ingress_ifindex = given.ingress_ifindex ? given.ingress_ifindex : LOOPBACK,
		.rx_queue_index = given.rx_queue_index};
	err = packet_runs(run);
	if (err)
		return err;
	if (run->packet.off == XDP_HEAD && run->packet.meta_len == meta &&
	    run->packet.len == run->linear - meta)
		run->ctx.xdp = given; /* the kernel's rule: untouched, data_end included */
	return results_deliver(run, run->buf + run->packet.off - run->packet.meta_len,
			       run->packet.meta_len + run->packet.len);
}

/* Fields of struct __sk_buff that may be given: [from, to). All others must be zero. */
static const struct {
	uint16_t from;
	uint16_t to;
} skb_inputs[] = {
	{offsetof(struct __sk_buff, mark), offsetof(struct __sk_buff, queue_mapping)},
	{offsetof(struct __sk_buff, priority), offsetof(struct __sk_buff, tc_index)},
	{offsetof(struct __sk_buff, cb), offsetof(struct __sk_buff, hash)},
	{offsetof(struct __sk_buff, tstamp), offsetof(struct __sk_buff, gso_segs) + 4},
	{offsetof(struct __sk_buff, gso_size), offsetof(struct __sk_buff, gso_size) + 4},
	{offsetof(struct __sk_buff, hwtstamp), offsetof(struct __sk_buff, hwtstamp) + 8},
};

static int skb_ctx_check(const struct __sk_buff *skb, uint32_t size)
{
	struct __sk_buff rest = *skb;
	static const struct __sk_buff zero;

	for (size_t i = 0; i < sizeof(skb_inputs) / sizeof(skb_inputs[0]); i++)
		memset((char *)&rest + skb_inputs[i].from, 0,
		       skb_inputs[i].to - skb_inputs[i].from);
	if (memcmp(&rest, &zero, sizeof(rest)))
		return fail(EINVAL, "the context sets a field that a test run cannot set");
	if (skb->wire_len && (skb->wire_len < size || skb->wire_len > CTX_MAX))
		return fail(EINVAL, "wire_len %u does not fit a packet of %u bytes", skb->wire_len,
			    size);
	return skb->ifindex > LOOPBACK ? ifindex_check(skb->ifindex) : 0;
}

static int skb_run(struct test_run *run, uint32_t mac_len)
{
	const struct attr_test *test = run->test;
	int err;

	if ((test->flags & ~SKB_FLAGS) || test->cpu || test->batch_size)
		return fail(EINVAL, "flags %#x, cpu %u, batch_size %u are not for this type",
			    test->flags, test->cpu, test->batch_size);
	run->ctx_size = sizeof(run->ctx.skb);
	err = data_read(run, ROOM - SKB_HEAD);
	if (!err)
		err = ctx_read(run);
	if (!err)
		err = skb_ctx_check(&run->ctx.skb, test->data_size_in - mac_len);
	if (err)
		return err;
	if (!run->ctx.skb.ifindex)
		run->ctx.skb.ifindex = LOOPBACK;
	run->linear = test->data_size_in;
	memcpy(run->buf + SKB_HEAD, run->data, run->linear);
	run->packet = (struct vm_packet){.buf = run->buf,
					 .buf_size = ROOM,
					 .off = SKB_HEAD + mac_len,
					 .len = run->linear - mac_len,
					 .mac_len = mac_len,
					 .ingress_ifindex = LOOPBACK};
	err = packet_runs(run);
	if (err)
		return err;
	memset(run->buf + run->packet.off - mac_len, 0, mac_len);
	return results_deliver(run, run->buf + run->packet.off - mac_len,
			       run->packet.len + mac_len);
}

static int syscall_run(struct test_run *run)
{
	const struct attr_test *test = run->test;
	struct vm_env env = {.insn_budget = 0};
	uint8_t *ctx;
	int err;

	if (test->data_in || test->data_out || test->ctx_out || test->duration || test->repeat ||
	    test->flags || test->batch_size)
		return fail(EINVAL, "a syscall program takes ctx_in and ctx_size_in alone");
	if (test->ctx_size_in > CTX_MAX)
		return fail(EINVAL, "a context of %u bytes; the largest is %u", test->ctx_size_in,
			    CTX_MAX);
	ctx = malloc(test->ctx_size_in + 1);
	if (!ctx)
		return fail(ENOMEM, "no memory for a context of %u bytes", test->ctx_size_in);
	err = user_copy_in(ctx, test->ctx_in, test->ctx_size_in, "the context");
	if (!err)
		err = vm_run_syscall(run->vm, &env, ctx, test->ctx_size_in, &run->retval);
	if (!err)
		err = user_copy_out(test->ctx_in, ctx, test->ctx_size_in, "the context");
	if (!err)
		err = call_put_u32(run->call, offsetof(struct attr_test, retval), run->retval);
	free(ctx);
	return err;
}

static int prog_run(struct test_run *run, uint32_t type)
{
	switch (type) {
	case BPF_PROG_TYPE_XDP: return xdp_run(run);
	case BPF_PROG_TYPE_SCHED_CLS: return skb_run(run, 0);
	case BPF_PROG_TYPE_SOCKET_FILTER: return skb_run(run, ETH_LEN);
	case BPF_PROG_TYPE_SYSCALL: return syscall_run(run);
	default: return fail(E524, "programs of type %u cannot be run by this command", type);
	}
}

long prog_test_run(union call_attr *attr, const struct call *call)
{
	const struct attr_test *test = &attr->test;
	struct test_run *run;
	struct fd_ref ref;
	int err;

	if (!test->ctx_in != !test->ctx_size_in || !test->ctx_out != !test->ctx_size_out)
		return fail(EINVAL, "a context and its size go together");
	err = fd_get((int)test->prog_fd, OBJECT_PROG, &ref);
	if (err)
		return err;
	run = calloc(1, sizeof(*run));
	if (run) {
		run->test = test;
		run->call = call;
		run->vm = ref.object->prog->vm;
		err = prog_run(run, prog_type(ref.object->prog));
		free(run->data);
		free(run);
	} else {
		err = fail(ENOMEM, "no memory for a test run");
	}
	fd_put(&ref);
	return err;
}
