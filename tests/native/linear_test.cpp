// linear through the C interface: sizes around every tile and block, several weights, activations, strides and
// instruction sets against double, and refusals. Arrays end where the operation may read last, so that AddressSanitizer
// sees a step beyond.
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
  std::fprintf(stderr, "linear (%ld, %ld, %ld) on %s: %s: %s\n", rows, k, n, pytransformers_instruction_set(), what,
               pytransformers_last_error());
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

double activated(double x, int32_t activation) {
  switch (activation) {
    case PYTRANSFORMERS_RELU: return x < 0 ? 0 : x;
    case PYTRANSFORMERS_GELU: return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
    case PYTRANSFORMERS_GELU_TANH: return 0.5 * x * (1 + std::tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
    case PYTRANSFORMERS_SILU: return x / (1 + std::exp(-x));
    default: return x;
  }
}

void check_numbers(const Matrix& x, const Matrix& weight, const Matrix* bias, const Matrix& y,
                   const std::vector<float>& before, int32_t activation) {
  const int64_t rows = x.sizes[0], k = x.sizes[1], n = weight.sizes[0];
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      double exact = bias != nullptr ? bias->at(0, j) : 0.0, size = std::fabs(exact);
      for (int64_t l = 0; l < k; ++l) {
        const double product = static_cast<double>(x.at(i, l)) * weight.at(j, l);
        exact += product;
        size += std::fabs(product);
      }
      require(std::fabs(y.at(i, j) - activated(exact, activation)) <= 1e-6 * size + 2e-7, "wrong value", rows, k, n);
    }
    for (int64_t j = n; j < y.strides[0] && i + 1 < rows; ++j) {
      require(y.at(i, j) == before[i * y.strides[0] + j], "wrote between rows", rows, k, n);
    }
  }
}

// Weights of n, n + 1, ... rows.
void test_numbers(int64_t rows, int64_t k, int64_t n, int64_t gap, bool with_bias, int32_t activation = 0,
                  int32_t count = 1, bool threads = false) {
  std::mt19937 generator(static_cast<unsigned>(rows * 1000 + k * 10 + n));
  Matrix x(rows, k, gap, generator);
  std::vector<Matrix> weights, biases, ys;
  std::vector<std::vector<float>> before;
  std::vector<pytransformers_tensor> views;
  views.reserve(3 * count);
  std::vector<const pytransformers_tensor*> weight_views, bias_views, y_views;
  for (int32_t i = 0; i < count; ++i) {
    weights.emplace_back(n + i, k, gap, generator);
    ys.emplace_back(rows, n + i, gap, generator);
    biases.emplace_back(1, n + i, 0, generator);
    before.push_back(ys.back().values);
  }
  for (int32_t i = 0; i < count; ++i) {
    weight_views.push_back(&views.emplace_back(weights[i].view()));
    y_views.push_back(&views.emplace_back(ys[i].view()));
    bias_views.push_back(&views.emplace_back(
        pytransformers_tensor{biases[i].values.data(), &biases[i].sizes[1], nullptr, 1, PYTRANSFORMERS_FLOAT32}));
  }
  const pytransformers_tensor x_view = x.view();
  require(pytransformers_linear(&x_view, count, weight_views.data(), with_bias ? bias_views.data() : nullptr, activation,
                                y_views.data(), threads ? pytransformers_thread_pool() : nullptr) == PYTRANSFORMERS_OK,
          "refused", rows, k, n);
  for (int32_t i = 0; i < count; ++i) {
    check_numbers(x, weights[i], with_bias ? &biases[i] : nullptr, ys[i], before[i], activation);
  }
}

void test_sizes() {
  for (int64_t rows : {0, 1, 2, 3, 4, 5, 7, 8, 9, 13, 16, 17}) {
    for (int64_t k : {1, 3, 4, 8, 15, 16, 17, 33, 64}) {
      for (int64_t n : {1, 2, 3, 5, 6, 11, 12, 13, 25}) test_numbers(rows, k, n, n % 3, n % 2 == 0);
    }
  }
  // From 40 rows on W is packed: 64 rows, 192 columns and 384 deep at a time, 48, 16 or 8 columns in a panel.
  for (int64_t rows : {39, 40, 41, 46, 47, 65}) {
    for (int64_t k : {1, 5, 16, 31}) {
      for (int64_t n : {1, 7, 8, 9, 15, 16, 17, 33, 47, 48, 49, 193}) test_numbers(rows, k, n, n % 3, n % 2 == 0);
    }
  }
  for (int64_t k : {383, 384, 385, 769}) test_numbers(43, k, 50, 1, true);
  test_numbers(12, 1024, 30, 0, true);  // packed earlier
  test_numbers(16, 384, 385, 0, true, PYTRANSFORMERS_IDENTITY, 1, true);
  test_numbers(200, 100, 400, 0, true, PYTRANSFORMERS_GELU, 1, true);
  for (int64_t rows : {3, 50}) {
    test_numbers(rows, 0, 5, 0, true);
    test_numbers(rows, 5, 0, 0, true);
    for (int32_t activation = 0; activation <= PYTRANSFORMERS_SILU; ++activation) {
      test_numbers(rows, 40, 57, 2, activation % 2 == 0, activation);
    }
    test_numbers(rows, 20, 0, 1, true, PYTRANSFORMERS_SILU, 8, true);
    test_numbers(rows, 130, 190, 1, true, PYTRANSFORMERS_RELU, 3, true);
  }
}

void test_refusals() {
  std::mt19937 generator(1);
  Matrix x(2, 3, 0, generator), weight(4, 3, 0, generator), narrow(4, 2, 0, generator), y(2, 4, 0, generator);
  const pytransformers_tensor xv = x.view(), wv = weight.view(), nv = narrow.view(), yv = y.view();
  pytransformers_tensor half = xv, hollow = xv, spread = yv;
  half.dtype = PYTRANSFORMERS_FLOAT16;
  hollow.data = nullptr;
  const int64_t strides[] = {1, 2};
  spread.strides = strides;
  const auto refused = [&](const pytransformers_tensor* x, int32_t count, const pytransformers_tensor* weight,
                           int32_t activation, const pytransformers_tensor* y) {
    const pytransformers_tensor *weights[] = {weight}, *ys[] = {y};
    return pytransformers_linear(x, count, weights, nullptr, activation, ys, nullptr) == PYTRANSFORMERS_INVALID_ARGUMENT;
  };
  require(refused(nullptr, 1, &wv, 0, &yv), "took NULL", 2, 3, 4);
  require(refused(&xv, 1, nullptr, 0, &yv), "took NULL", 2, 3, 4);
  require(refused(&xv, 1, &nv, 0, &yv), "took a narrow weight", 2, 3, 4);
  require(refused(&xv, 1, &wv, 0, &xv), "took another shape of y", 2, 3, 4);
  require(refused(&xv, 1, &wv, 0, &spread), "took columns apart", 2, 3, 4);
  require(refused(&half, 1, &wv, 0, &yv), "took float16", 2, 3, 4);
  require(refused(&hollow, 1, &wv, 0, &yv), "took no memory", 2, 3, 4);
  require(refused(&xv, 0, &wv, 0, &yv), "took no weights", 2, 3, 4);
  require(refused(&xv, 9, &wv, 0, &yv), "took too many weights", 2, 3, 4);
  require(refused(&xv, 1, &wv, 5, &yv), "took an unknown activation", 2, 3, 4);
  require(refused(&xv, 1, &wv, -1, &yv), "took an unknown activation", 2, 3, 4);
  require(pytransformers_linear(&xv, 1, nullptr, nullptr, 0, nullptr, nullptr) == PYTRANSFORMERS_INVALID_ARGUMENT,
          "took no list", 2, 3, 4);
}

}  // namespace

int main() {
  for (const char* isa : {"baseline", "avx2", "avx512"}) {
    if (pytransformers_set_instruction_set(isa) == PYTRANSFORMERS_OK) test_sizes();
  }
  test_refusals();
  std::printf("%d checks of linear passed\n", checks);
  return 0;
}
