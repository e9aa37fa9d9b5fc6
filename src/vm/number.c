/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* number.c: bounds, bits and residue classes, see number.h.
 *
 * Each rule sets what it knows in one of the three views (unsigned bounds, signed bounds, bits) and
 * leaves the others at "anything"; settle() carries over what one view says about the others. The
 * rules for addition and multiplication of known bits: Vishwanathan and others, "Sound, Precise,
 * and Fast Abstract Interpretation with Tristate Numbers", 2022.
 */
#include "vm/number.h"

#define SIGN   (1ull << 63)
#define LOW32  0xffffffffull
#define HIGH32 (~LOW32)

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

struct number number_any(void)
{
	return (struct number){0, UINT64_MAX, INT64_MIN, INT64_MAX, 0, UINT64_MAX, 0, 0};
}

/* ---- residue classes; a constant is one with stride 0 that holds itself alone ---- */

static uint64_t stride_of(const struct number *n)
{
	if (number_is_const(n))
		return 0;
	return n->stride ? n->stride : 1;
}

static uint64_t rest_of(const struct number *n)
{
	return number_is_const(n) ? n->value : n->rest;
}

static uint64_t divisor_of_both(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* Classes of stride 1 say nothing, constants have no need of theirs. */
static void stride_set(struct number *n, uint64_t stride, uint64_t rest)
{
	n->stride = stride > 1 ? stride : 0;
	n->rest = stride > 1 ? rest % stride : 0;
}

/* The sum, which does not wrap. */
static void stride_add(struct number *sum, const struct number *a, const struct number *b)
{
	uint64_t stride = divisor_of_both(stride_of(a), stride_of(b));

	if (stride > 1 && stride <= UINT32_MAX)
		stride_set(sum, stride, rest_of(a) % stride + rest_of(b) % stride);
}

/* The difference, likewise. */
static void stride_sub(struct number *diff, const struct number *a, const struct number *b)
{
	uint64_t stride = divisor_of_both(stride_of(a), stride_of(b));

	if (stride > 1 && stride <= UINT32_MAX)
		stride_set(diff, stride, rest_of(a) % stride + stride - rest_of(b) % stride);
}

/* A multiple, likewise. */
static void stride_multiply(struct number *product, const struct number *n, uint64_t by)
{
	uint64_t stride, rest;

	if (!__builtin_mul_overflow(stride_of(n), by, &stride) && stride <= UINT32_MAX &&
	    !__builtin_mul_overflow(rest_of(n), by, &rest))
		stride_set(product, stride, rest);
}

static void stride_join(struct number *n, const struct number *a, const struct number *b)
{
	uint64_t x = rest_of(a), y = rest_of(b);
	uint64_t both = divisor_of_both(stride_of(a), stride_of(b));

	both = divisor_of_both(both, x > y ? x - y : y - x);
	if (both <= UINT32_MAX)
		stride_set(n, both, x);
}

/* The first and the last word of the class within the bounds; false: there is none. */
static bool bounds_from_stride(struct number *n)
{
	uint64_t up, down;

	if (!n->stride)
		return true;
	up = (n->rest + n->stride - n->umin % n->stride) % n->stride;
	down = (n->umax % n->stride + n->stride - n->rest) % n->stride;
	if (up > UINT64_MAX - n->umin || down > n->umax)
		return false;
	n->umin += up;
	n->umax -= down;
	return true;
}

/* ---- bounds and bits ---- */

static bool bits_meet(struct number *n, uint64_t value, uint64_t mask)
{
	if ((n->value ^ value) & ~n->mask & ~mask)
		return false;
	n->mask &= mask;
	n->value = (n->value | value) & ~n->mask;
	return true;
}

static void bounds_from_bits(struct number *n)
{
	int64_t smin = (int64_t)(n->value | (n->mask & SIGN));
	int64_t smax = (int64_t)(n->value | (n->mask & ~SIGN));

	n->umin = MAX(n->umin, n->value);
	n->umax = MIN(n->umax, n->value | n->mask);
	n->smin = MAX(n->smin, smin);
	n->smax = MIN(n->smax, smax);
}

/* What one kind of bounds says about the other, as long as they stay on one side of where it
 * wraps. */
static void bounds_from_bounds(struct number *n)
{
	if (n->umin <= n->umax && (int64_t)n->umin <= (int64_t)n->umax) {
		n->smin = MAX(n->smin, (int64_t)n->umin);
		n->smax = MIN(n->smax, (int64_t)n->umax);
	}
	if (n->smin <= n->smax && (uint64_t)n->smin <= (uint64_t)n->smax) {
		n->umin = MAX(n->umin, (uint64_t)n->smin);
		n->umax = MIN(n->umax, (uint64_t)n->smax);
	}
}

/* The bits that all words of [umin, umax] share: those above the highest that differs. */
static bool bits_from_bounds(struct number *n)
{
	uint64_t differ = n->umin ^ n->umax;
	uint64_t mask = differ ? UINT64_MAX >> __builtin_clzll(differ) : 0;

	return bits_meet(n, n->umin & ~mask, mask);
}

/* Carry over between the views. False: the set is empty. */
static bool settle(struct number *n)
{
	for (int i = 0; i < 3; i++) {
		bounds_from_bits(n);
		bounds_from_bounds(n);
		if (!bounds_from_stride(n))
			return false;
		if (n->umin > n->umax || n->smin > n->smax || !bits_from_bounds(n))
			return false;
	}
	bounds_from_bits(n);
	if (number_is_const(n))
		n->stride = n->rest = 0;
	return n->umin <= n->umax && n->smin <= n->smax;
}

/* A result: operands are not empty, so it is not either. */
static struct number settled(struct number n)
{
	return settle(&n) ? n : number_any();
}

struct number number_const(uint64_t value)
{
	return (struct number){value, value, (int64_t)value, (int64_t)value, value, 0, 0, 0};
}

struct number number_between(uint64_t lo, uint64_t hi)
{
	struct number n = number_any();

	n.umin = lo;
	n.umax = hi;
	return settled(n);
}

struct number number_between_signed(int64_t lo, int64_t hi)
{
	struct number n = number_any();

	n.smin = lo;
	n.smax = hi;
	return settled(n);
}

/* Anything with these bits, not settled yet. */
static struct number with_bits(uint64_t value, uint64_t mask)
{
	struct number n = number_any();

	n.value = value & ~mask;
	n.mask = mask;
	return n;
}

static struct number number_bits(uint64_t value, uint64_t mask)
{
	return settled(with_bits(value, mask));
}

bool number_equal(const struct number *a, const struct number *b)
{
	return a->umin == b->umin && a->umax == b->umax && a->smin == b->smin &&
	       a->smax == b->smax && a->value == b->value && a->mask == b->mask &&
	       a->stride == b->stride && a->rest == b->rest;
}

struct number number_low32(const struct number *n)
{
	struct number low = number_bits(n->value & LOW32, n->mask & LOW32);

	if (n->umax <= LOW32)
		return *n;
	/* The high half is the same all over the set, so the low one does not wrap. */
	if (n->umin >> 32 == n->umax >> 32) {
		low.umin = MAX(low.umin, n->umin & LOW32);
		low.umax = MIN(low.umax, n->umax & LOW32);
	} else if (n->smin >> 32 == n->smax >> 32) {
		low.umin = MAX(low.umin, (uint64_t)n->smin & LOW32);
		low.umax = MIN(low.umax, (uint64_t)n->smax & LOW32);
	}
	return settled(low);
}

struct number number_sign_extend(const struct number *n, int bits)
{
	int64_t top = (int64_t)1 << (bits - 1);
	uint64_t low = ((uint64_t)top << 1) - 1;
	struct number result = number_between_signed(-top, top - 1);

	if (n->smin >= -top && n->smax < top)
		return *n;
	/* Without its sign the word is what it was. */
	if (!bits_meet(&result, n->value & (low >> 1), n->mask | ~(low >> 1)))
		return number_any();
	if (n->umax <= low && n->umin > low >> 1) {
		result.smin = (int64_t)n->umin - (int64_t)low - 1;
		result.smax = (int64_t)n->umax - (int64_t)low - 1;
	}
	return settled(result);
}

static struct number add(const struct number *a, const struct number *b)
{
	uint64_t sum_value = a->value + b->value, sum_mask = a->mask + b->mask;
	uint64_t unsure = ((sum_value + sum_mask) ^ sum_value) | a->mask | b->mask;
	struct number sum = with_bits(sum_value, unsure);
	uint64_t umax;
	int64_t smin, smax;

	if (!__builtin_add_overflow(a->umax, b->umax, &umax)) {
		sum.umin = a->umin + b->umin;
		sum.umax = umax;
		stride_add(&sum, a, b);
	}
	if (!__builtin_add_overflow(a->smin, b->smin, &smin) &&
	    !__builtin_add_overflow(a->smax, b->smax, &smax)) {
		sum.smin = smin;
		sum.smax = smax;
	}
	return settled(sum);
}

static struct number sub(const struct number *a, const struct number *b)
{
	uint64_t value = a->value - b->value;
	uint64_t unsure = ((value + a->mask) ^ (value - b->mask)) | a->mask | b->mask;
	struct number diff = with_bits(value, unsure);
	int64_t smin, smax;

	if (a->umin >= b->umax) {
		diff.umin = a->umin - b->umax;
		diff.umax = a->umax - b->umin;
		stride_sub(&diff, a, b);
	}
	if (!__builtin_sub_overflow(a->smin, b->smax, &smin) &&
	    !__builtin_sub_overflow(a->smax, b->smin, &smax)) {
		diff.smin = smin;
		diff.smax = smax;
	}
	return settled(diff);
}

/* How many low bits are certainly 0. */
static int low_zeroes(const struct number *n)
{
	uint64_t maybe = n->value | n->mask;

	return maybe ? __builtin_ctzll(maybe) : 64;
}

static struct number mul(const struct number *a, const struct number *b)
{
	struct number product = number_any();
	int zeroes = low_zeroes(a) + low_zeroes(b);
	uint64_t umax;

	if (number_is_const(a) && number_is_const(b))
		return number_const(a->value * b->value);
	product.mask = zeroes > 63 ? 0 : UINT64_MAX << zeroes;
	if (!__builtin_mul_overflow(a->umax, b->umax, &umax)) {
		product.umin = a->umin * b->umin;
		product.umax = umax;
		if (number_is_const(a))
			stride_multiply(&product, b, a->value);
		else if (number_is_const(b))
			stride_multiply(&product, a, b->value);
	}
	return settled(product);
}

/* x / 0 = 0. */
static struct number divide(const struct number *a, const struct number *b)
{
	if (b->umin)
		return number_between(a->umin / b->umax, a->umax / b->umin);
	return number_between(0, a->umax);
}

/* x % 0 = x. */
static struct number modulo(const struct number *a, const struct number *b)
{
	if (b->umin && a->umax < b->umin)
		return *a;
	if (b->umin)
		return number_between(0, MIN(a->umax, b->umax - 1));
	return number_between(0, a->umax);
}

static struct number bits_and(const struct number *a, const struct number *b)
{
	uint64_t value = a->value & b->value;
	uint64_t maybe = (a->value | a->mask) & (b->value | b->mask);
	struct number result = with_bits(value, maybe & ~value);

	result.umax = MIN(a->umax, b->umax);
	return settled(result);
}

static struct number bits_or(const struct number *a, const struct number *b)
{
	uint64_t value = a->value | b->value;
	struct number result = with_bits(value, (a->mask | b->mask) & ~value);

	result.umin = MAX(a->umin, b->umin);
	return settled(result);
}

static struct number bits_xor(const struct number *a, const struct number *b)
{
	uint64_t mask = a->mask | b->mask;

	return number_bits((a->value ^ b->value) & ~mask, mask);
}

static struct number shift_left(const struct number *n, unsigned int by)
{
	struct number result = number_bits(n->value << by, n->mask << by);

	if (n->umax <= UINT64_MAX >> by) {
		result.umin = MAX(result.umin, n->umin << by);
		result.umax = MIN(result.umax, n->umax << by);
		stride_multiply(&result, n, 1ull << by);
	}
	if (n->smin >= INT64_MIN >> by && n->smax <= INT64_MAX >> by) {
		result.smin = MAX(result.smin, (int64_t)((uint64_t)n->smin << by));
		result.smax = MIN(result.smax, (int64_t)((uint64_t)n->smax << by));
	}
	return settled(result);
}

static struct number shift_right(const struct number *n, unsigned int by)
{
	struct number result = with_bits(n->value >> by, n->mask >> by);

	result.umin = n->umin >> by;
	result.umax = n->umax >> by;
	return settled(result);
}

static struct number shift_signed(const struct number *n, unsigned int by)
{
	struct number result =
		with_bits((uint64_t)((int64_t)n->value >> by), (uint64_t)((int64_t)n->mask >> by));

	result.smin = n->smin >> by;
	result.smax = n->smax >> by;
	return settled(result);
}

static struct number shift_left_some(const struct number *n, const struct number *by,
				     unsigned int bits)
{
	if (by->umax >= bits || n->umax > UINT64_MAX >> by->umax)
		return number_any();
	return number_between(n->umin << by->umin, n->umax << by->umax);
}

/* A shift by a number that is not known can be any of them. */
static struct number shift(enum number_op op, const struct number *a, const struct number *by,
			   unsigned int bits)
{
	unsigned int count = (unsigned int)by->value & (bits - 1);

	if (by->mask & (bits - 1)) {
		if (op == NUMBER_RSH || (op == NUMBER_ARSH && a->smin >= 0))
			return number_between(0, a->umax);
		if (op == NUMBER_ARSH)
			return number_between_signed(a->smin, MAX(a->smax, -1));
		return shift_left_some(a, by, bits);
	}
	if (op == NUMBER_LSH)
		return shift_left(a, count);
	return op == NUMBER_RSH ? shift_right(a, count) : shift_signed(a, count);
}

struct number number_apply(enum number_op op, const struct number *a, const struct number *b)
{
	bool positive = a->smin >= 0 && b->smin >= 0;

	switch (op) {
	case NUMBER_ADD: return add(a, b);
	case NUMBER_SUB: return sub(a, b);
	case NUMBER_MUL: return mul(a, b);
	case NUMBER_DIV: return divide(a, b);
	case NUMBER_MOD: return modulo(a, b);
	case NUMBER_SDIV: return positive ? divide(a, b) : number_any();
	case NUMBER_SMOD: return positive ? modulo(a, b) : number_any();
	case NUMBER_OR: return bits_or(a, b);
	case NUMBER_AND: return bits_and(a, b);
	case NUMBER_XOR: return bits_xor(a, b);
	default: return shift(op, a, b, 64);
	}
}

struct number number_apply32(enum number_op op, const struct number *a, const struct number *b)
{
	struct number x = number_low32(a), y = number_low32(b), result;
	bool is_shift = op == NUMBER_LSH || op == NUMBER_RSH || op == NUMBER_ARSH;

	if (op == NUMBER_ARSH || op == NUMBER_SDIV || op == NUMBER_SMOD)
		x = number_sign_extend(&x, 32);
	if (op == NUMBER_SDIV || op == NUMBER_SMOD)
		y = number_sign_extend(&y, 32);
	result = is_shift ? shift(op, &x, &y, 32) : number_apply(op, &x, &y);
	return number_low32(&result);
}

bool number_meet(struct number *n, const struct number *with)
{
	n->umin = MAX(n->umin, with->umin);
	n->umax = MIN(n->umax, with->umax);
	n->smin = MAX(n->smin, with->smin);
	n->smax = MIN(n->smax, with->smax);
	/* Of two classes one is kept: that is less than is known. */
	if (!n->stride)
		stride_set(n, with->stride, with->rest);
	return bits_meet(n, with->value, with->mask) && settle(n);
}

/* A word that is not this one: that helps only at a bound. */
static bool assume_not(struct number *n, const struct number *other)
{
	uint64_t value = other->value;

	if (!number_is_const(other))
		return true;
	if (number_is_const(n))
		return n->value != value;
	n->umin += n->umin == value;
	n->umax -= n->umax == value;
	n->smin += n->smin == (int64_t)value;
	n->smax -= n->smax == (int64_t)value;
	return true;
}

static bool assume_order(struct number *less, struct number *more, uint64_t by)
{
	if (more->umax < by || less->umin > UINT64_MAX - by)
		return false;
	less->umax = MIN(less->umax, more->umax - by);
	more->umin = MAX(more->umin, less->umin + by);
	return true;
}

static bool assume_order_signed(struct number *less, struct number *more, int64_t by)
{
	if (more->smax < INT64_MIN + by || less->smin > INT64_MAX - by)
		return false;
	less->smax = MIN(less->smax, more->smax - by);
	more->smin = MAX(more->smin, less->smin + by);
	return true;
}

/* Of a single bit that may be common it is known that it is. */
static bool assume_common_bit(struct number *a, struct number *b)
{
	uint64_t common = (a->value | a->mask) & (b->value | b->mask);

	if (!common)
		return false;
	if (common & (common - 1)) {
		a->umin = MAX(a->umin, 1);
		b->umin = MAX(b->umin, 1);
		return true;
	}
	return bits_meet(a, common, ~common) && bits_meet(b, common, ~common);
}

static bool assume_no_common_bit(struct number *a, struct number *b)
{
	uint64_t in_a = a->value, in_b = b->value;

	return bits_meet(a, 0, ~in_b) && bits_meet(b, 0, ~in_a);
}

bool number_assume(enum number_compare compare, struct number *a, struct number *b)
{
	struct number was = *a;
	bool can = true;

	switch (compare) {
	case COMPARE_EQ: can = number_meet(a, b) && number_meet(b, a); break;
	case COMPARE_NE: can = assume_not(a, b) && assume_not(b, &was); break;
	case COMPARE_GT: can = assume_order(b, a, 1); break;
	case COMPARE_GE: can = assume_order(b, a, 0); break;
	case COMPARE_LT: can = assume_order(a, b, 1); break;
	case COMPARE_LE: can = assume_order(a, b, 0); break;
	case COMPARE_SGT: can = assume_order_signed(b, a, 1); break;
	case COMPARE_SGE: can = assume_order_signed(b, a, 0); break;
	case COMPARE_SLT: can = assume_order_signed(a, b, 1); break;
	case COMPARE_SLE: can = assume_order_signed(a, b, 0); break;
	case COMPARE_SET: can = assume_common_bit(a, b); break;
	case COMPARE_CLEAR: can = assume_no_common_bit(a, b); break;
	}
	return can && settle(a) && settle(b);
}

static bool is_signed(enum number_compare compare)
{
	return compare >= COMPARE_SGT;
}

/* What has become known of the low half (as a signed word: of the whole, if that is its sign
 * extension). */
static bool low_learned(struct number *n, const struct number *low, bool sign)
{
	if (sign && n->smin >= INT32_MIN && n->smax <= INT32_MAX)
		return number_meet(n, low);
	if (!sign && n->umax <= LOW32)
		return number_meet(n, low);
	return bits_meet(n, low->value & LOW32, low->mask | HIGH32) && settle(n);
}

bool number_assume32(enum number_compare compare, struct number *a, struct number *b)
{
	bool sign = is_signed(compare);
	struct number x = number_low32(a), y = number_low32(b);

	if (sign) {
		x = number_sign_extend(&x, 32);
		y = number_sign_extend(&y, 32);
	}
	if (!number_assume(compare, &x, &y))
		return false;
	if (!low_learned(a, &x, sign) || !low_learned(b, &y, sign))
		return false;
	if (!sign)
		return true;
	/* A signed comparison says something about the zero-extended half, too, if that has one
	 * sign. */
	x = number_low32(&x);
	y = number_low32(&y);
	return low_learned(a, &x, false) && low_learned(b, &y, false);
}

struct number number_join(const struct number *a, const struct number *b)
{
	uint64_t mask = (a->value ^ b->value) | a->mask | b->mask;
	struct number n = {
		.umin = MIN(a->umin, b->umin),
		.umax = MAX(a->umax, b->umax),
		.smin = MIN(a->smin, b->smin),
		.smax = MAX(a->smax, b->smax),
		.value = a->value & ~mask,
		.mask = mask,
	};

	stride_join(&n, a, b);
	return settled(n);
}

/* The nearest stop that is not below (not above) at; if there is none, the end. */
static int64_t stop_above(int64_t at, const int64_t *stops, size_t count)
{
	size_t i = 0;

	while (i < count && stops[i] < at)
		i++;
	return i < count ? stops[i] : INT64_MAX;
}

static int64_t stop_below(int64_t at, const int64_t *stops, size_t count)
{
	while (count && stops[count - 1] > at)
		count--;
	return count ? stops[count - 1] : INT64_MIN;
}

struct number number_widen(const struct number *old, const struct number *grown,
			   const int64_t *stops, size_t stop_cnt)
{
	struct number n = number_join(old, grown);

	if (n.umin < old->umin) {
		int64_t stop =
			n.umin > INT64_MAX ? 0 : stop_below((int64_t)n.umin, stops, stop_cnt);

		n.umin = stop > 0 ? (uint64_t)stop : 0;
	}
	if (n.umax > old->umax)
		n.umax = n.umax > INT64_MAX
				 ? UINT64_MAX
				 : (uint64_t)stop_above((int64_t)n.umax, stops, stop_cnt);
	if (n.smin < old->smin)
		n.smin = stop_below(n.smin, stops, stop_cnt);
	if (n.smax > old->smax)
		n.smax = stop_above(n.smax, stops, stop_cnt);
	/* Of the bits the low ones stay, which tell alignment. */
	if (n.mask != old->mask) {
		n.mask |= ~((n.mask & -n.mask) - 1);
		n.value &= ~n.mask;
	}
	return settled(n);
}
