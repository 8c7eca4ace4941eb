// quantized_matmul and dequantize through the C interface: every path and instruction set against double, strides,
// threads and refusals. Arrays end where the operation may read last, so that AddressSanitizer sees a step beyond.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "core/c_api.h"

namespace {

constexpr int kInt8 = PYTRANSFORMERS_QUANTIZED_INT8, kDynamic = PYTRANSFORMERS_QUANTIZED_INT8_DYNAMIC;
constexpr int kInt4 = PYTRANSFORMERS_QUANTIZED_INT4, kNf4 = PYTRANSFORMERS_QUANTIZED_NF4;

int checks = 0;

struct Case {
  int64_t rows, k, n;
  int quantization;
  int64_t group_size;
  bool offsets, bias;
  int64_t gap;  // between rows of x and y
  const pytransformers_parallel* threads;
};

void require(bool condition, const char* what, const Case& c) {
  ++checks;
  if (condition) return;
  std::fprintf(stderr, "quantized_matmul rows %ld k %ld n %ld quantization %d group_size %ld on %s: %s: %s\n",
               static_cast<long>(c.rows), static_cast<long>(c.k), static_cast<long>(c.n), c.quantization,
               static_cast<long>(c.group_size), pytransformers_instruction_set(), what, pytransformers_last_error());
  std::exit(1);
}

double nf4(int code) {
  static const double values[16] = {-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453,
                                    -0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0,
                                    0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
                                    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0};
  return values[code];
}

// Random codes, scales and offsets, and what they stand for.
struct Weight {
  std::vector<uint8_t> codes;
  std::vector<float> scales, offsets;
  int64_t code_sizes[4], scale_sizes[3];
  int64_t k, n, group, quantization;

  Weight(const Case& c, std::mt19937& generator) : k(c.k), n(c.n), quantization(c.quantization) {
    const bool whole = c.group_size == 0 || c.group_size >= k;
    const int64_t tiles = (n + 15) / 16, groups = whole ? 1 : (k + c.group_size - 1) / c.group_size;
    const int64_t per_word = quantization <= kDynamic ? 4 : 8;
    const int64_t blocks = ((whole ? k : groups * c.group_size) + per_word - 1) / per_word;
    group = whole ? (k > 0 ? k : 1) : c.group_size;
    const int64_t code_shape[] = {tiles, blocks, 16, 4}, scale_shape[] = {tiles, groups, 16};
    std::memcpy(code_sizes, code_shape, sizeof code_shape);
    std::memcpy(scale_sizes, scale_shape, sizeof scale_shape);
    codes.resize(tiles * blocks * 64);
    for (uint8_t& code : codes) code = static_cast<uint8_t>(generator());
    std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
    scales.resize(tiles * groups * 16);
    offsets.resize(scales.size());
    for (float& scale : scales) scale = uniform(generator) * 0.1f;
    for (float& offset : offsets) offset = uniform(generator);
  }
  pytransformers_tensor code_view() { return {codes.data(), code_sizes, nullptr, 4, PYTRANSFORMERS_UINT8}; }
  pytransformers_tensor scale_view(std::vector<float>& of) {
    return {of.data(), scale_sizes, nullptr, 3, PYTRANSFORMERS_FLOAT32};
  }
  double at(int64_t j, int64_t i, bool with_offsets) const {
    const int64_t tile = j / 16, column = j % 16, scale = (tile * scale_sizes[1] + i / group) * 16 + column;
    const int64_t word = quantization <= kDynamic ? i / 4 : i / 8;
    const uint8_t* bytes = codes.data() + (tile * code_sizes[1] + word) * 64 + column * 4;
    double value;
    if (quantization <= kDynamic) {
      value = static_cast<int8_t>(bytes[i % 4]);
    } else {
      const int code = bytes[i % 8 / 2] >> (i % 2 * 4) & 15;
      value = quantization == kNf4 ? nf4(code) : code - 8;
    }
    return value * scales[scale] + (with_offsets ? offsets[scale] : 0.0f);
  }
};

void test_numbers(const Case& c) {
  std::mt19937 generator(static_cast<unsigned>(c.rows * 7919 + c.k * 31 + c.n + c.quantization));
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  Weight weight(c, generator);
  const auto extent = [&](int64_t columns) { return c.rows == 0 ? 0 : (c.rows - 1) * (columns + c.gap) + columns; };
  std::vector<float> x(extent(c.k)), y(extent(c.n), 7.0f), bias(c.n);
  for (float& value : x) value = uniform(generator);
  for (float& value : bias) value = uniform(generator);
  const int64_t x_sizes[] = {c.rows, c.k}, y_sizes[] = {c.rows, c.n}, bias_sizes[] = {c.n};
  const int64_t x_strides[] = {c.k + c.gap, 1}, y_strides[] = {c.n + c.gap, 1};
  const pytransformers_tensor xv = {x.data(), x_sizes, x_strides, 2, PYTRANSFORMERS_FLOAT32},
                              yv = {y.data(), y_sizes, y_strides, 2, PYTRANSFORMERS_FLOAT32},
                              bv = {bias.data(), bias_sizes, nullptr, 1, PYTRANSFORMERS_FLOAT32},
                              codes = weight.code_view(), scales = weight.scale_view(weight.scales),
                              offsets = weight.scale_view(weight.offsets);
  require(pytransformers_quantized_matmul(&xv, &codes, &scales, c.offsets ? &offsets : nullptr, c.quantization,
                                          c.group_size, c.bias ? &bv : nullptr, PYTRANSFORMERS_RELU, &yv,
                                          c.threads) == PYTRANSFORMERS_OK, "refused", c);
  for (int64_t i = 0; i < c.rows; ++i) {
    const float* row = x.data() + i * x_strides[0];
    float largest = 0.0f;
    for (int64_t l = 0; l < c.k; ++l) largest = std::max(largest, std::fabs(row[l]));
    for (int64_t j = 0; j < c.n; ++j) {
      double exact = c.bias ? bias[j] : 0.0, size = std::fabs(exact);
      for (int64_t l = 0; l < c.k; ++l) {
        double value = row[l];
        if (c.quantization == kDynamic) value = std::nearbyint(row[l] * (127.0f / largest)) * (largest / 127.0f);
        exact += value * weight.at(j, l, c.offsets);
        size += std::fabs(value * weight.at(j, l, c.offsets)) + (c.offsets ? std::fabs(value) : 0.0);
      }
      const double wanted = exact > 0.0 ? exact : 0.0;
      require(std::fabs(y[i * y_strides[0] + j] - wanted) <= 1e-6 * size + 1e-7, "wrong value", c);
    }
    for (int64_t j = c.n; j < c.n + c.gap && i + 1 < c.rows; ++j) {
      require(y[i * y_strides[0] + j] == 7.0f, "wrote between rows", c);
    }
  }
  std::vector<float> whole(c.n * c.k);
  const int64_t whole_sizes[] = {c.n, c.k};
  const pytransformers_tensor wv = {whole.data(), whole_sizes, nullptr, 2, PYTRANSFORMERS_FLOAT32};
  require(pytransformers_dequantize(&codes, &scales, c.offsets ? &offsets : nullptr, c.quantization, c.group_size, &wv,
                                    c.threads) == PYTRANSFORMERS_OK, "dequantize refused", c);
  for (int64_t j = 0; j < c.n; ++j) {
    for (int64_t l = 0; l < c.k; ++l) {
      require(std::fabs(whole[j * c.k + l] - weight.at(j, l, c.offsets)) <= 2e-6, "wrong weight", c);
    }
  }
}

void test_half() {
  for (int32_t dtype : {PYTRANSFORMERS_FLOAT16, PYTRANSFORMERS_BFLOAT16}) {
    const uint16_t one = dtype == PYTRANSFORMERS_FLOAT16 ? 0x3c00 : 0x3f80;
    for (int quantization : {kInt8, kDynamic, kInt4, kNf4}) {
      const Case c = {3, 9, 17, quantization, 0, false, false, 0, nullptr};
      std::mt19937 generator(1);
      Weight weight(c, generator);
      std::vector<uint16_t> x(c.rows * c.k, one), y(c.rows * c.n), whole(c.n * c.k);
      const int64_t x_sizes[] = {3, 9}, y_sizes[] = {3, 17}, whole_sizes[] = {17, 9};
      const pytransformers_tensor xv = {x.data(), x_sizes, nullptr, 2, dtype},
                                  yv = {y.data(), y_sizes, nullptr, 2, dtype},
                                  wv = {whole.data(), whole_sizes, nullptr, 2, dtype},
                                  codes = weight.code_view(), scales = weight.scale_view(weight.scales);
      require(pytransformers_quantized_matmul(&xv, &codes, &scales, nullptr, quantization, 0, nullptr,
                                              PYTRANSFORMERS_IDENTITY, &yv, nullptr) == PYTRANSFORMERS_OK,
              "refused", c);
      require(pytransformers_dequantize(&codes, &scales, nullptr, quantization, 0, &wv, nullptr) == PYTRANSFORMERS_OK,
              "dequantize refused", c);
      require(y[0] == y[17] && y[16] == y[50], "rows differ", c);
    }
  }
}

void test_refusals() {
  const Case c = {2, 40, 20, kInt4, 32, true, false, 0, nullptr};
  std::mt19937 generator(1);
  Weight weight(c, generator);
  std::vector<float> x(80), y(40);
  const int64_t x_sizes[] = {2, 40}, y_sizes[] = {2, 20}, short_sizes[] = {2, 39}, flat[] = {40};
  const pytransformers_tensor xv = {x.data(), x_sizes, nullptr, 2, PYTRANSFORMERS_FLOAT32},
                              yv = {y.data(), y_sizes, nullptr, 2, PYTRANSFORMERS_FLOAT32},
                              codes = weight.code_view(), scales = weight.scale_view(weight.scales),
                              offsets = weight.scale_view(weight.offsets);
  const auto call = [&](const pytransformers_tensor* x, const pytransformers_tensor* codes,
                        const pytransformers_tensor* scales, const pytransformers_tensor* offsets, int32_t quantization,
                        int64_t group_size, const pytransformers_tensor* bias, int32_t activation,
                        const pytransformers_tensor* y) {
    return pytransformers_quantized_matmul(x, codes, scales, offsets, quantization, group_size, bias, activation, y,
                                           nullptr);
  };
  require(call(&xv, &codes, &scales, &offsets, kInt4, 32, nullptr, 0, &yv) == PYTRANSFORMERS_OK, "refused", c);
  const auto refused = [&](pytransformers_status status, const char* what) {
    require(status == PYTRANSFORMERS_INVALID_ARGUMENT, what, c);
  };
  pytransformers_tensor bad = xv;
  bad.sizes = short_sizes;
  refused(call(nullptr, &codes, &scales, nullptr, kInt4, 32, nullptr, 0, &yv), "took NULL x");
  refused(call(&xv, nullptr, &scales, nullptr, kInt4, 32, nullptr, 0, &yv), "took NULL codes");
  refused(call(&xv, &codes, nullptr, nullptr, kInt4, 32, nullptr, 0, &yv), "took NULL scales");
  refused(call(&bad, &codes, &scales, &offsets, kInt8, 32, nullptr, 0, &yv), "took codes of another k");
  refused(call(&xv, &codes, &scales, nullptr, 4, 32, nullptr, 0, &yv), "took another quantization");
  refused(call(&xv, &codes, &scales, nullptr, kInt4, 20, nullptr, 0, &yv), "took group size 20");
  refused(call(&xv, &codes, &scales, nullptr, kInt4, 0, nullptr, 0, &yv), "took scales of other groups");
  refused(call(&xv, &codes, &scales, nullptr, kDynamic, 32, nullptr, 0, &yv), "took groups for int8_dynamic");
  refused(call(&xv, &codes, &scales, nullptr, kInt4, 32, &xv, 0, &yv), "took a matrix as bias");
  refused(call(&xv, &codes, &scales, nullptr, kInt4, 32, nullptr, 5, &yv), "took another activation");
  refused(call(&xv, &codes, &scales, nullptr, kInt4, 32, nullptr, 0, &xv), "took y of another shape");
  bad = xv;
  bad.dtype = PYTRANSFORMERS_FLOAT16;
  refused(call(&bad, &codes, &scales, nullptr, kInt4, 32, nullptr, 0, &yv), "took y of another dtype");
  bad = codes;
  bad.dtype = PYTRANSFORMERS_INT8;
  refused(call(&xv, &bad, &scales, nullptr, kInt4, 32, nullptr, 0, &yv), "took int8 codes");
  bad = codes;
  bad.data = nullptr;
  refused(call(&xv, &bad, &scales, nullptr, kInt4, 32, nullptr, 0, &yv), "took codes without memory");
  bad = scales;
  const int64_t strides[] = {64, 32, 2};
  bad.strides = strides;
  refused(call(&xv, &codes, &bad, nullptr, kInt4, 32, nullptr, 0, &yv), "took scales with gaps");
  bad = yv;
  bad.sizes = flat;
  bad.rank = 1;
  refused(call(&xv, &codes, &scales, nullptr, kInt4, 32, nullptr, 0, &bad), "took y of another rank");
  refused(pytransformers_dequantize(&codes, &scales, nullptr, kInt4, 32, nullptr, nullptr), "wrote to NULL");
  refused(pytransformers_dequantize(&codes, &scales, nullptr, kInt4, 32, &xv, nullptr), "took another weight's shape");
}

}  // namespace

int main() {
  for (const char* isa : {"baseline", "avx2", "avx512", "avx512_vnni"}) {
    if (pytransformers_set_instruction_set(isa) != PYTRANSFORMERS_OK) continue;
    for (int quantization : {kInt8, kDynamic, kInt4, kNf4}) {
      for (int64_t rows : {0, 1, 2, 3, 5, 8, 9, 17}) {
        for (int64_t k : {0, 1, 4, 7, 8, 33, 130}) {
          for (int64_t n : {1, 16, 33}) {
            test_numbers({rows, k, n, quantization, 0, false, n % 2 == 0, n % 3, nullptr});
            if (quantization == kDynamic) continue;
            test_numbers({rows, k, n, quantization, 32, k % 2 == 0, true, 0, nullptr});
          }
        }
      }
      // A panel's depth and more, more rows than a chunk holds, and threads.
      const pytransformers_parallel* threads = pytransformers_thread_pool();
      test_numbers({3, 600, 50, quantization, quantization == kDynamic ? 0 : 64, false, true, 1, threads});
      test_numbers({150, 300, 100, quantization, 0, false, true, 1, threads});
    }
  }
  test_half();
  test_refusals();
  std::printf("%d checks of quantized_matmul passed\n", checks);
  return 0;
}
