/* Decision trees: each adds the leaf that the features lead to. */
static void add_outputs(const VECTOR *vector, int32_t *sums)
{
    for (int t = 0; t < TREES; t++) {
        int node = tree_root[t];
        while (node >= 0)
            node = tree_child[2 * node + (vector[tree_feature[node]] > tree_threshold[node])];
        const int8_t *leaf = tree_leaf + ~node * OUTPUTS;
        for (int c = 0; c < OUTPUTS; c++)
            sums[c] += leaf[c];
    }
}
