/* Forecasts are changes: what was last seen of the forecast channels is added to them. */
static void keep_latest(SAMPLE *latest, const SAMPLE *sample)
{
    for (int c = 0; c < OUTPUTS; c++)
        latest[c] = sample[latest_channel[c]];
}

static void add_latest(const SAMPLE *latest, int32_t *scores)
{
    for (int c = 0; c < OUTPUTS; c++) {
        const int64_t sum = (int64_t)scores[c] + scaled(latest[c], latest_factor[c], LATEST_SHIFT);
        scores[c] = (int32_t)(sum > INT32_MAX ? INT32_MAX : sum < -INT32_MAX ? -INT32_MAX : sum);
    }
}
