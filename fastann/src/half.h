/*
 * half.h
 *
 * IEEE 754 half precision in 16 bits, as the type float2 stores it.
 */
#ifndef FASTANN_HALF_H
#define FASTANN_HALF_H

#include <stdint.h>
#include <string.h>

static inline float
half_to_float(uint16_t half)
{
	uint32_t	sign = (uint32_t) (half & 0x8000) << 16;
	uint32_t	exponent = (half >> 10) & 0x1f;
	uint32_t	fraction = half & 0x3ff;
	uint32_t	bits;
	float		value;

	if (exponent == 0)
	{
		value = (float) fraction / (1 << 24);
		return sign ? -value : value;
	}
	bits = sign | (exponent == 0x1f ? 0x7f800000 : (exponent + 112) << 23) | fraction << 13;
	memcpy(&value, &bits, sizeof value);
	return value;
}

/* Rounds to nearest, ties to even; beyond 65519 the result is infinite. */
static inline uint16_t
half_from_float(float value)
{
	uint32_t	bits;
	uint32_t	sign,
				magnitude;

	memcpy(&bits, &value, sizeof bits);
	sign = (bits >> 16) & 0x8000;
	magnitude = bits & 0x7fffffff;

	if (magnitude > 0x7f800000)
		return (uint16_t) (sign | 0x7e00);
	if (magnitude >= 0x477ff000)
		return (uint16_t) (sign | 0x7c00);
	if (magnitude < 0x38800000)
	{
		/* Subnormal: adding 0.5 leaves the rounded multiple of 2^-24 in the low bits. */
		float		shifted;

		memcpy(&shifted, &magnitude, sizeof shifted);
		shifted += 0.5f;
		memcpy(&bits, &shifted, sizeof bits);
		return (uint16_t) (sign | (bits - 0x3f000000));
	}
	magnitude += 0xfff + ((magnitude >> 13) & 1);
	return (uint16_t) (sign | ((magnitude >> 13) - (112 << 10)));
}

#endif
