// What norm.cpp (checks, threads) hands to the kernels of layer_norm.cpp and rms_norm.cpp, which are compiled once per
// instruction set.
#pragma once

#include "core/tensor.h"

namespace pytransformers {

struct NormForward {
  Rows x, residual, y, sum;  // residual.data and sum.data are NULL together
  const void* weight;        // NULL: ones
  const void* bias;          // NULL: zeros
  int64_t width;
  float eps;
  bool streams;              // y and sum are too large for any cache, whole in registers and aligned
};

struct NormBackward {
  Rows dy, dsum, x, dx;  // dsum.data may be NULL
  const void* weight;
  int64_t width;
  float eps;
  bool streams;  // as above, of dx
};

// For one pair of (dtype of x, dtype of the weights).
struct NormKernels {
  // `scratch`: a row of x's dtype, where there is a residual and results stream.
  void (*forward)(const NormForward&, int64_t begin, int64_t end, void* scratch);
  // Adds these rows' share to dweight and dbias (each `width` floats, or NULL).
  void (*backward)(const NormBackward&, int64_t begin, int64_t end, float* dweight, float* dbias);
  // Rounds `width` floats into the weights' dtype.
  void (*store_weights)(const float* from, void* to, int64_t width);
};

enum NormDtypes { kFloat32, kFloat16, kFloat16Float32, kBfloat16, kBfloat16Float32, kNormDtypes };

typedef const NormKernels NormTable[kNormDtypes];

namespace baseline { extern NormTable layer_norm_kernels, rms_norm_kernels; }
namespace avx2 { extern NormTable layer_norm_kernels, rms_norm_kernels; }
namespace avx512 { extern NormTable layer_norm_kernels, rms_norm_kernels; }

}  // namespace pytransformers
