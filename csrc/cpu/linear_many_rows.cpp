// y = activation(x W^T + b) in float32 for many rows of x (Goto, van de Geijn 2008). Compiled once per instruction set.
//
// A block of W is turned round into panels, k by k the values of as many columns as a tile has, and stays in the
// second-level cache while the rows of x pass over it. A tile keeps its part of y in registers: for each k it reads one
// row of a panel and, from the first-level cache, one value of each of its rows of x.
#include "cpu/activation.h"
#include "cpu/linear.h"

namespace pytransformers {
namespace PYTRANSFORMERS_ISA {
namespace {

// Rows and registers of columns: as many sums as leave registers for one row of a panel and one value of x.
#if defined(__AVX512F__)
constexpr int kTileRows = 8, kTileVectors = 3;
#elif defined(__AVX2__)
constexpr int kTileRows = 6, kTileVectors = 2;
#else
constexpr int kTileRows = 4, kTileVectors = 2;
#endif
constexpr int64_t kTileColumns = kTileVectors * kLanes;
static_assert(kPackedColumns % kTileColumns == 0, "blocks hold whole panels");

// `columns` rows of W, `depth` of each, as a panel (depth, V, kLanes); what it has beyond `columns` is zero.
template <int V>
void pack(const float* w, int64_t stride, int64_t columns, int64_t depth, float* panel) {
  for (int v = 0; v < V; ++v) {
    const int64_t there = columns - v * kLanes;
    const float* first = w + v * kLanes * stride;
    for (int64_t k = 0; k < depth; k += kLanes) {
      const int count = static_cast<int>(smaller(kLanes, depth - k));
      Vec rows[kLanes];
      if (there >= kLanes && count == kLanes) {
        UNROLL for (int i = 0; i < kLanes; ++i) rows[i] = widen(first + i * stride + k);
      } else {
        for (int i = 0; i < kLanes; ++i) rows[i] = i < there ? load(first + i * stride + k, count) : Vec{};
      }
      transpose(rows);
      float* to = panel + (k * V + v) * kLanes;
      if (count == kLanes) {
        UNROLL for (int i = 0; i < kLanes; ++i) narrow(to + i * V * kLanes, rows[i]);
      } else {
        for (int i = 0; i < count; ++i) narrow(to + i * V * kLanes, rows[i]);
      }
    }
  }
}

// One panel of W and the part of the sums that it holds.
struct Panel {
  const float* values;  // (depth, V, kLanes)
  int64_t k, depth, column, columns;
};

void copy(const float* from, int64_t from_stride, float* to, int64_t to_stride, int64_t rows, int64_t columns) {
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t column = 0; column < columns; ++column) to[row * to_stride + column] = from[row * from_stride + column];
  }
}

template <int R, int V>
void tile(const LinearCall& call, const Panel& panel, int64_t row) {
  const float* x[R];
  UNROLL for (int r = 0; r < R; ++r) x[r] = call.x + (row + r) * call.x_stride + panel.k;
  float* y = call.y + row * call.y_stride + panel.column;
  UNROLL for (int r = 0; r < R; ++r) __builtin_prefetch(y + r * call.y_stride, 1);
  Vec sums[R][V];
  UNROLL for (int r = 0; r < R; ++r) { UNROLL for (int v = 0; v < V; ++v) sums[r][v] = Vec{}; }
  const float* values = panel.values;
  for (int64_t k = 0; k < panel.depth; ++k, values += V * kLanes) {
    Vec columns[V];
    UNROLL for (int v = 0; v < V; ++v) columns[v] = widen(values + v * kLanes);
    UNROLL for (int r = 0; r < R; ++r) {
      Vec value = splat(x[r][k]);
      KEEP_IN_REGISTER(value);  // or GCC reads it again for each register of columns
      UNROLL for (int v = 0; v < V; ++v) sums[r][v] += value * columns[v];
    }
  }
  // A tile that y's last column cuts takes and gives its sums through `edge`: kept apart, or GCC spills them all.
  float edge[R * V * kLanes];
  const bool whole = panel.columns == V * kLanes;
  float* to = whole ? y : edge;
  const int64_t stride = whole ? call.y_stride : V * kLanes;
  if (!whole) copy(y, call.y_stride, edge, stride, R, panel.columns);
  if (panel.k == 0) {
    UNROLL for (int r = 0; r < R; ++r) {
      UNROLL for (int v = 0; v < V; ++v) narrow(to + r * stride + v * kLanes, sums[r][v]);
    }
  } else {
    UNROLL for (int r = 0; r < R; ++r) {
      UNROLL for (int v = 0; v < V; ++v) {
        float* sum = to + r * stride + v * kLanes;
        narrow(sum, widen(sum) + sums[r][v]);
      }
    }
  }
  if (!whole) copy(edge, stride, y, call.y_stride, R, panel.columns);
  if (panel.k + panel.depth == call.k) {
    add_bias_and_activate(y, call.y_stride, R, panel.columns, call.bias ? call.bias + panel.column : nullptr,
                          call.activation);
  }
}

// Rows [row, row + R) over every panel of the block.
template <int R>
void row_of_tiles(const LinearCall& call, const LinearBlock& block, const float* scratch, int64_t k, int64_t depth,
                  int64_t row) {
  for (int64_t column = block.column; column < block.column_end; column += kTileColumns) {
    const int64_t columns = smaller(kTileColumns, block.column_end - column);
    const Panel panel = {scratch + (column - block.column) * depth, k, depth, column, columns};
    if (columns > (kTileVectors - 1) * kLanes) tile<R, kTileVectors>(call, panel, row);
    else if (kTileVectors > 2 && columns > kLanes) tile<R, 2>(call, panel, row);
    else tile<R, 1>(call, panel, row);
  }
}

}  // namespace

void linear_many_rows(const LinearCall& call, const LinearBlock& block, float* scratch) {
  const int64_t parts = (call.k + kPackedDepth - 1) / kPackedDepth;
  const int64_t depth_of_part = (call.k + parts - 1) / parts;
  for (int64_t k = 0; k < call.k; k += depth_of_part) {
    const int64_t depth = smaller(depth_of_part, call.k - k);
    for (int64_t column = block.column; column < block.column_end; column += kTileColumns) {
      const int64_t columns = smaller(kTileColumns, block.column_end - column);
      const float* w = call.weight + column * call.weight_stride + k;
      float* panel = scratch + (column - block.column) * depth;
      if (columns > (kTileVectors - 1) * kLanes) pack<kTileVectors>(w, call.weight_stride, columns, depth, panel);
      else if (kTileVectors > 2 && columns > kLanes) pack<2>(w, call.weight_stride, columns, depth, panel);
      else pack<1>(w, call.weight_stride, columns, depth, panel);
    }
    int64_t row = block.row;
    for (; row + kTileRows <= block.row_end; row += kTileRows) {
      row_of_tiles<kTileRows>(call, block, scratch, k, depth, row);
    }
    const int64_t rest = block.row_end - row;
    if (kTileRows > 4 && rest & 4) row_of_tiles<4>(call, block, scratch, k, depth, row), row += 4;
    if (rest & 2) row_of_tiles<2>(call, block, scratch, k, depth, row), row += 2;
    if (rest & 1) row_of_tiles<1>(call, block, scratch, k, depth, row);
  }
}

}  // namespace PYTRANSFORMERS_ISA
}  // namespace pytransformers
