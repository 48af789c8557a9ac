/* Calls the kernels of the audio front end; sizes and tables are in front_end_tables.h, which the test writes. */
#include <stdint.h>

#include "front_end_tables.h"

#include "arithmetic.h"
#include "requantise.h"
#include "clamp.h"
#include "front_end.h"
#include "front_end_take.h"

int32_t state_bytes(void)
{
    return (int32_t)sizeof(front_end_state);
}

void call_frame(const int16_t *ring, int32_t at, int32_t *scratch, int8_t *out)
{
    front_end_frame(ring, at, scratch, out);
}

void call_begin(front_end_state *state, int32_t *scratch, int8_t *input)
{
    front_end_begin(state, scratch, input);
}

void call_take(front_end_state *state, const int16_t *samples, int32_t count, int32_t *scratch, int8_t *input)
{
    for (int32_t i = 0; i < count; i++)
        front_end_take(state, samples[i], scratch, input);
}
