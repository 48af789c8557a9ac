/* The example program of a model that learns: a label and samples in, classes and their scores out. */
#include "board.h"
#include "learn.h"

static model_arena arena;

static void report(int32_t index)
{
    const int32_t *scores = model_scores(&arena);
    board_write_class(index);
    for (int i = 0; i < MODEL_OUTPUTS; i++)
        board_write_score(scores[i]);
}

static void take_sample(int *label)
{
    model_sample sample[MODEL_CHANNELS];
    for (int i = 0; i < MODEL_CHANNELS; i++)
        sample[i] = (model_sample)board_read();
    if (*label < -1) {
        *label = sample[0];
        return;
    }
    int index = model_step(&arena, sample);
    if (index >= 0) {
        report(index);
        model_learn(&arena, *label);
    }
}

/* Before the samples of a sequence comes one whose first word is the class that it has, or -1 where nobody knows: in a
   device that is a button, or whatever tells. What was answered before is learned from afterwards. */
int main(void)
{
    int label = -2;
    model_learn_reset(&arena);
    model_init(&arena);
    for (;;) {
        switch (board_status()) {
        case BOARD_SAMPLE:
            take_sample(&label);
            break;
        case BOARD_END:
            report(model_predict(&arena)); /* and is ready for the next sequence */
            if (!MODEL_WINDOW)
                model_learn(&arena, label); /* what windows say was learned when they ended */
            label = -2;
            break;
        default:
            break;
        }
    }
}
