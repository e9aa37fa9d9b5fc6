/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* btf_fold.c: one number from the numbers of all CPUs. */
#include "cli/btf_fold.h"

#include <string.h>

int64_t btf_sign_extend(uint64_t value, uint32_t bits)
{
	return bits < 64 && value >> (bits - 1) & 1 ? (int64_t)(value | ~0ull << bits)
						    : (int64_t)value;
}

/* The same place in the value of another CPU. */
static struct btf_place place_on(const struct btf_place *place, unsigned int cpu)
{
	struct btf_place at = *place;

	at.data += cpu * place->fold->stride;
	at.fold = NULL;
	return at;
}

static uint64_t combine(enum btf_fold_op op, bool is_signed, uint64_t a, uint64_t b)
{
	bool less = is_signed ? (int64_t)a < (int64_t)b : a < b;

	if (op == BTF_FOLD_SUM)
		return a + b;
	return less == (op == BTF_FOLD_MIN) ? a : b;
}

bool btf_fold_load(const struct btf_place *place, uint32_t bits, bool is_signed,
		   uint64_t *ret_value)
{
	unsigned int cpus = place->fold ? place->fold->cpus : 1;
	uint64_t result = 0, value;

	for (unsigned int cpu = 0; cpu < cpus; cpu++) {
		struct btf_place at = place->fold ? place_on(place, cpu) : *place;

		if (!btf_place_load(&at, bits, &value))
			return false;
		if (is_signed)
			value = (uint64_t)btf_sign_extend(value, bits);
		result = cpu ? combine(place->fold->op, is_signed, result, value) : value;
	}
	*ret_value = result;
	return true;
}

static bool float_load(const struct btf_place *place, uint32_t size, double *ret_value)
{
	uint64_t raw;
	float narrow;

	if ((size != 4 && size != 8) || !btf_place_load(place, size * 8, &raw))
		return false;
	memcpy(ret_value, &raw, sizeof(*ret_value));
	memcpy(&narrow, &raw, sizeof(narrow));
	if (size == 4)
		*ret_value = (double)narrow;
	return true;
}

bool btf_fold_float(const struct btf_place *place, uint32_t size, double *ret_value)
{
	unsigned int cpus = place->fold ? place->fold->cpus : 1;
	double result = 0, value;

	for (unsigned int cpu = 0; cpu < cpus; cpu++) {
		struct btf_place at = place->fold ? place_on(place, cpu) : *place;

		if (!float_load(&at, size, &value))
			return false;
		if (!cpu)
			result = value;
		else if (place->fold->op == BTF_FOLD_SUM)
			result += value;
		else if ((value < result) == (place->fold->op == BTF_FOLD_MIN))
			result = value;
	}
	*ret_value = result;
	return true;
}

bool btf_fold_agrees(const struct btf_place *place, size_t size)
{
	uint64_t off = place->bit_off / 8;

	if (!place->fold)
		return true;
	if (off > place->size || size > place->size - off)
		return false;
	for (unsigned int cpu = 1; cpu < place->fold->cpus; cpu++)
		if (memcmp(place->data + off, place->data + cpu * place->fold->stride + off, size))
			return false;
	return true;
}
