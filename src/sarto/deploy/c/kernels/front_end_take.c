/* Samples come one at a time; after every HOP_SAMPLES the numbers of the last FRAME_SAMPLES become the last of FRAMES rows
   of the network's input. Before the first sample all were 0, so the input begins as FRAMES rows of silence. Frames end
   where the last of FRAMES would if FRAME_SAMPLES + (FRAMES - 1) HOP_SAMPLES samples came: the first one ends after
   FRAME_SAMPLES % HOP_SAMPLES samples, or HOP_SAMPLES.

   The scratch may be that of the network, which does not run meanwhile; the input must last from call to call. */
#define INPUT_BYTES (FRAMES * BANDS)

typedef struct {
    int16_t ring[FRAME_SAMPLES];
    uint16_t at;   /* of the oldest sample */
    uint16_t left; /* samples until the next frame is whole */
} front_end_state;

static void front_end_begin(front_end_state *state, int32_t *scratch, int8_t *input)
{
    for (int i = 0; i < FRAME_SAMPLES; i++)
        state->ring[i] = 0;
    state->at = 0;
    state->left = FRAME_SAMPLES % HOP_SAMPLES ? FRAME_SAMPLES % HOP_SAMPLES : HOP_SAMPLES;
    front_end_frame(state->ring, 0, scratch, input);
    for (int i = BANDS; i < INPUT_BYTES; i++)
        input[i] = input[i - BANDS];
}

static void front_end_take(front_end_state *state, int16_t sample, int32_t *scratch, int8_t *input)
{
    state->ring[state->at] = sample;
    state->at = state->at + 1 < FRAME_SAMPLES ? state->at + 1 : 0;
    if (--state->left)
        return;
    state->left = HOP_SAMPLES;
    int i = 0;
#if defined(__GNUC__)
    for (; i < INPUT_BYTES - BANDS - 3; i += 4) {
        uint32_t word;
        __builtin_memcpy(&word, input + i + BANDS, 4);
        __builtin_memcpy(input + i, &word, 4);
    }
#endif
    for (; i < INPUT_BYTES - BANDS; i++)
        input[i] = input[i + BANDS];
    front_end_frame(state->ring, state->at, scratch, input + i);
}
