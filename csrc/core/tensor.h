// A tensor seen as rows: every leading dimension collapsed as far as its strides allow.
// Included by files compiled once per instruction set: everything here has internal linkage on purpose, so that the
// linker can not hand an AVX-512 copy of a function to a baseline caller.
#pragma once

#include <stdint.h>

#include "core/c_api.h"

namespace pytransformers {

constexpr int kMaxRank = 16;

struct Rows {
  char* data;
  int rank;                   // of the collapsed leading dimensions
  int64_t sizes[kMaxRank];
  int64_t strides[kMaxRank];  // in bytes
};

static inline int64_t item_size(int32_t dtype) {
  switch (dtype) {
    case PYTRANSFORMERS_FLOAT32: case PYTRANSFORMERS_INT32: return 4;
    case PYTRANSFORMERS_BOOL: case PYTRANSFORMERS_INT8: case PYTRANSFORMERS_UINT8: return 1;
    case PYTRANSFORMERS_INT64: return 8;
    default: return 2;
  }
}

static inline char* row_pointer(const Rows& rows, int64_t row) {
  if (rows.rank <= 1) return rows.data + row * rows.strides[0];
  char* pointer = rows.data;
  for (int i = rows.rank - 1; i >= 0; --i) {
    pointer += row % rows.sizes[i] * rows.strides[i];
    row /= rows.sizes[i];
  }
  return pointer;
}

}  // namespace pytransformers
