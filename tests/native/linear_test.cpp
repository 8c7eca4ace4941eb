// linear through the C interface: sizes around every tile, strides and instruction sets against double, and refusals.
// Arrays end where the operation may read last, so that AddressSanitizer sees a step beyond.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include "core/c_api.h"

namespace {

int checks = 0;

void require(bool condition, const char* what, long rows, long k, long n) {
  ++checks;
  if (condition) return;
  std::fprintf(stderr, "linear (%ld, %ld, %ld): %s: %s\n", rows, k, n, what, pytransformers_last_error());
  std::exit(1);
}

struct Matrix {
  std::vector<float> values;
  int64_t sizes[2], strides[2];
  Matrix(int64_t rows, int64_t columns, int64_t gap, std::mt19937& generator)
      : values(rows == 0 ? 0 : (rows - 1) * (columns + gap) + columns), sizes{rows, columns},
        strides{columns + gap, 1} {
    std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
    for (float& value : values) value = uniform(generator);
  }
  pytransformers_tensor view() { return {values.data(), sizes, strides, 2, PYTRANSFORMERS_FLOAT32}; }
  float at(int64_t i, int64_t j) const { return values[i * strides[0] + j]; }
};

pytransformers_status linear(const pytransformers_tensor* x, const pytransformers_tensor* weight,
                             const pytransformers_tensor* bias, const pytransformers_tensor* y,
                             const pytransformers_parallel* parallel) {
  return pytransformers_linear(x, 1, &weight, &bias, PYTRANSFORMERS_IDENTITY, &y, parallel);
}

void test_numbers(int64_t rows, int64_t k, int64_t n, int64_t gap, bool with_bias, bool threads) {
  std::mt19937 generator(static_cast<unsigned>(rows * 1000 + k * 10 + n));
  Matrix x(rows, k, gap, generator), weight(n, k, gap, generator), y(rows, n, gap, generator), bias(1, n, 0, generator);
  const std::vector<float> before = y.values;
  const pytransformers_tensor xv = x.view(), wv = weight.view(), yv = y.view();
  const pytransformers_tensor bv = {bias.values.data(), &n, nullptr, 1, PYTRANSFORMERS_FLOAT32};
  require(linear(&xv, &wv, with_bias ? &bv : nullptr, &yv,
                                threads ? pytransformers_thread_pool() : nullptr) == PYTRANSFORMERS_OK,
          "refused", rows, k, n);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      double exact = with_bias ? bias.at(0, j) : 0.0, size = std::fabs(exact);
      for (int64_t l = 0; l < k; ++l) {
        exact += static_cast<double>(x.at(i, l)) * weight.at(j, l);
        size += std::fabs(static_cast<double>(x.at(i, l)) * weight.at(j, l));
      }
      require(std::fabs(y.at(i, j) - exact) <= 1e-6 * size + 1e-7, "wrong value", rows, k, n);
    }
    for (int64_t j = n; j < n + gap && i + 1 < rows; ++j) {
      require(y.at(i, j) == before[i * y.strides[0] + j], "wrote between rows", rows, k, n);
    }
  }
}

void test_refusals() {
  std::mt19937 generator(1);
  Matrix x(2, 3, 0, generator), weight(4, 3, 0, generator), narrow(4, 2, 0, generator), y(2, 4, 0, generator);
  const pytransformers_tensor xv = x.view(), wv = weight.view(), nv = narrow.view(), yv = y.view();
  pytransformers_tensor half = xv, hollow = xv;
  half.dtype = PYTRANSFORMERS_FLOAT16;
  hollow.data = nullptr;
  const auto refused = [](pytransformers_status status) { return status == PYTRANSFORMERS_INVALID_ARGUMENT; };
  require(refused(linear(nullptr, &wv, nullptr, &yv, nullptr)), "took NULL", 2, 3, 4);
  require(refused(linear(&xv, &nv, nullptr, &yv, nullptr)), "took a narrow weight", 2, 3, 4);
  require(refused(linear(&xv, &wv, nullptr, &xv, nullptr)), "took another shape of y", 2, 3, 4);
  require(refused(linear(&half, &wv, nullptr, &yv, nullptr)), "took float16", 2, 3, 4);
  require(refused(linear(&hollow, &wv, nullptr, &yv, nullptr)), "took no memory", 2, 3, 4);
}

}  // namespace

int main() {
  for (const char* isa : {"baseline", "avx2", "avx512"}) {
    if (pytransformers_set_instruction_set(isa) != PYTRANSFORMERS_OK) continue;
    for (int64_t rows : {0, 1, 2, 3, 4, 5, 7, 8, 9, 13, 16, 17}) {
      for (int64_t k : {1, 3, 4, 8, 15, 16, 17, 33, 64}) {
        for (int64_t n : {1, 2, 3, 5, 6, 11, 12, 13, 25}) test_numbers(rows, k, n, n % 3, n % 2 == 0, false);
      }
    }
    test_numbers(16, 384, 385, 0, true, true);
    test_numbers(3, 0, 5, 0, true, false);
  }
  test_refusals();
  std::printf("%d checks of linear passed\n", checks);
  return 0;
}
