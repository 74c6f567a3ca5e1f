/*
 * importance.h - how much each input of a matrix matters, from a file of llama.cpp's tool
 * "imatrix": the mean square of what came in there over a text.
 *
 * The output's squared error is about the sum of the weights' squared errors, each times
 * that mean (the inputs taken as independent): so that is what a searching codec weighs
 * by.  The file is GGUF: tensors NAME.in_sum2 (matrices, cols) and NAME.counts (matrices).
 */
#ifndef RIDGE_CONVERT_IMPORTANCE_H
#define RIDGE_CONVERT_IMPORTANCE_H

#include "base/arena.h"
#include "model/source.h"

/* The means for a tensor, (matrices, cols), each of the order of one, in the arena; *out
 * NULL: the file says nothing of it.  A tensor of experts has as many matrices as its
 * outermost dimension says. */
RIDGE_MUST ridge_status importance_of(const struct source *, const ridge_file_tensor *,
                                      struct arena *, const float **out, struct why *why);

#endif
