/* The example program: samples in, classes or numbers and their scores out. */
#include "board.h"
#include "model.h"

static model_arena arena;

static void report(int32_t index)
{
    const int32_t *scores = model_scores(&arena);
    board_write_class(index);
    for (int i = 0; i < MODEL_OUTPUTS; i++)
        board_write_score(scores[i]);
}

static void take_sample(void)
{
    model_sample sample[MODEL_CHANNELS];
    for (int i = 0; i < MODEL_CHANNELS; i++)
        sample[i] = (model_sample)board_read();
    int index = model_step(&arena, sample);
    if (index >= 0)
        report(index);
}

int main(void)
{
    model_init(&arena);
    for (;;) {
        switch (board_status()) {
        case BOARD_SAMPLE:
            take_sample();
            break;
        case BOARD_END:
            report(model_predict(&arena)); /* and is ready for the next sequence */
            break;
        default:
            break;
        }
    }
}
