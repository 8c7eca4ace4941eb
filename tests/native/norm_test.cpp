// layer_norm and rms_norm through the C interface: every dtype, size, stride and instruction set against double, and every
// refusal. Built with AddressSanitizer and UBSan; exits non-zero at the first failure.
#include <cmath>
#include <cstring>
#include <string>

#include "testing.h"

namespace {

struct Options { bool centred, residual, weight, bias; int dtype, weight_dtype; const pytransformers_parallel* parallel; };

pytransformers_status run_forward(const Options& o, const Array& x, const Array* r, const Array* w, const Array* b,
                                  const Array& y, const Array* s) {
  const auto X = x.view(), Y = y.view();
  pytransformers_tensor R, W, B, S;
  if (r) R = r->view();
  if (w) W = w->view();
  if (b) B = b->view();
  if (s) S = s->view();
  return o.centred ? pytransformers_layer_norm(&X, r ? &R : nullptr, w ? &W : nullptr, b ? &B : nullptr, 1e-5, &Y,
                                               s ? &S : nullptr, o.parallel)
                   : pytransformers_rms_norm(&X, r ? &R : nullptr, w ? &W : nullptr, 1e-5, &Y, s ? &S : nullptr,
                                             o.parallel);
}

void test_numbers(const Options& o, const std::vector<int64_t>& sizes, const std::vector<int64_t>& strides) {
  std::mt19937 random(7);
  const int64_t d = sizes.back();
  int64_t rows = 1;
  for (size_t i = 0; i + 1 < sizes.size(); ++i) rows *= sizes[i];
  Array x(sizes, strides, o.dtype), r = Array::dense(sizes, o.dtype), w = Array::dense({d}, o.weight_dtype),
        b = Array::dense({d}, o.weight_dtype), y = Array::dense(sizes, o.dtype), s = Array::dense(sizes, o.dtype),
        dy(sizes, strides, o.dtype), dx = Array::dense(sizes, o.dtype), dw = Array::dense({d}, o.weight_dtype),
        db = Array::dense({d}, o.weight_dtype);
  for (Array* array : {&x, &r, &w, &b, &dy}) array->fill(random);
  REQUIRE(run_forward(o, x, o.residual ? &r : nullptr, o.weight ? &w : nullptr, o.bias ? &b : nullptr, y,
                      o.residual ? &s : nullptr) == PYTRANSFORMERS_OK, "%s", pytransformers_last_error());
  const Array& in = o.residual ? s : x;
  const auto DY = dy.view(), IN = in.view(), W = w.view(), DX = dx.view(), DW = dw.view(), DB = db.view();
  const pytransformers_status status =
      o.centred ? pytransformers_layer_norm_backward(&DY, o.residual ? &DY : nullptr, &IN, o.weight ? &W : nullptr, 1e-5,
                                                     &DX, &DW, o.bias ? &DB : nullptr, o.parallel)
                : pytransformers_rms_norm_backward(&DY, o.residual ? &DY : nullptr, &IN, o.weight ? &W : nullptr, 1e-5,
                                                   &DX, &DW, o.parallel);
  REQUIRE(status == PYTRANSFORMERS_OK, "%s", pytransformers_last_error());

  std::vector<double> dw_exact(d), db_exact(d), dw_size(d);
  for (int64_t row = 0; row < rows; ++row) {
    double mean = 0, variance = 0;
    for (int64_t i = 0; i < d; ++i) {
      if (o.residual) {
        const double sum = x.get(row, i) + r.get(row, i);
        REQUIRE(std::fabs(s.get(row, i) - sum) <= unit(o.dtype) * std::fabs(sum) + 1e-7, "sum at %ld", long(i));
      }
      mean += in.get(row, i) / d;
    }
    if (!o.centred) mean = 0;
    for (int64_t i = 0; i < d; ++i) variance += std::pow(in.get(row, i) - mean, 2) / d;
    const double scale = 1 / std::sqrt(variance + 1e-5);
    double along_one = 0, along_h = 0, largest = 0;
    for (int64_t i = 0; i < d; ++i) {
      const double h = (in.get(row, i) - mean) * scale, g = dy.get(row, i) * (o.weight ? w.get(0, i) : 1);
      if (o.centred) along_one += g / d;
      along_h += g * h / d;
      largest = std::max(largest, std::fabs(g) * scale * (1 + h * h));
      dw_exact[i] += dy.get(row, i) * h;
      dw_size[i] += std::fabs(dy.get(row, i)) * (1 + std::fabs(h));
      db_exact[i] += dy.get(row, i);
    }
    for (int64_t i = 0; i < d; ++i) {
      const double h = (in.get(row, i) - mean) * scale, g = dy.get(row, i) * (o.weight ? w.get(0, i) : 1);
      const double y_exact = h * (o.weight ? w.get(0, i) : 1) + (o.bias ? b.get(0, i) : 0);
      const double y_error = unit(o.dtype) * std::fabs(y_exact) + 4e-6 * (1 + std::fabs(h) + std::fabs(y_exact));
      REQUIRE(std::fabs(y.get(row, i) - y_exact) <= y_error, "y %g, exact %g", y.get(row, i), y_exact);
      const double dx_exact = scale * (g - along_one - h * along_h) + (o.residual ? dy.get(row, i) : 0);
      const double dx_error = unit(o.dtype) * std::fabs(dx_exact) + 4e-6 * (1 + largest);
      REQUIRE(std::fabs(dx.get(row, i) - dx_exact) <= dx_error, "dx %g, exact %g", dx.get(row, i), dx_exact);
    }
  }
  for (int64_t i = 0; i < d; ++i) {
    REQUIRE(std::fabs(dw.get(0, i) - dw_exact[i]) <= unit(o.weight_dtype) * std::fabs(dw_exact[i]) + 4e-6 * (1 + dw_size[i]),
            "dweight %g, exact %g", dw.get(0, i), dw_exact[i]);
    if (o.centred && o.bias) {
      REQUIRE(std::fabs(db.get(0, i) - db_exact[i]) <= unit(o.weight_dtype) * std::fabs(db_exact[i]) + 4e-6 * (1 + dw_size[i]),
              "dbias %g, exact %g", db.get(0, i), db_exact[i]);
    }
  }
}

void test_all_numbers(const char* isa) {
  if (pytransformers_set_instruction_set(isa) != PYTRANSFORMERS_OK) {
    std::printf("%s: not on this processor\n", isa);
    return;
  }
  for (const auto& [dtype, weight_dtype] : kDtypePairs) {
    for (int flags = 0; flags < 16; ++flags) {
      const bool centred = flags & 1;
      if (!centred && (flags & 8)) continue;  // rms_norm has no bias
      const Options o = {centred, bool(flags & 2), bool(flags & 4), bool(flags & 8), dtype, weight_dtype, nullptr};
      for (int64_t d : {1, 3, 4, 5, 15, 16, 17, 63, 64, 65, 129}) {
        test_numbers(o, {2, 3, d}, {3 * d, d, 1});           // dense
        test_numbers(o, {2, 3, d}, {d + 2, 2 * (d + 2), 1});  // leading dimensions swapped, gaps between rows
      }
      test_numbers(o, {3, 40}, {0, 1});                 // one row seen three times
      test_numbers(o, {2, 1, 2, 21}, {50, 0, 21, 1});   // a dimension of size 1
      test_numbers(o, {33}, {1});                        // one row
    }
    const Options threads = {true, true, true, true, dtype, weight_dtype, pytransformers_thread_pool()};
    test_numbers(threads, {300, 1023}, {1023, 1});
    const Options rms_threads = {false, false, true, false, dtype, weight_dtype, pytransformers_thread_pool()};
    test_numbers(rms_threads, {2, 33001}, {33001, 1});
  }
}

void test_empty() {
  for (const std::vector<int64_t>& sizes : {std::vector<int64_t>{0, 8}, {4, 0}, {0}}) {
    const int64_t d = sizes.back();
    Array x = Array::dense(sizes, PYTRANSFORMERS_FLOAT32), dw = Array::dense({d}, PYTRANSFORMERS_FLOAT32);
    const auto X = x.view(), DW = dw.view();
    REQUIRE(pytransformers_layer_norm(&X, nullptr, nullptr, nullptr, 1e-5, &X, nullptr, nullptr) == 0, "empty");
    REQUIRE(pytransformers_rms_norm_backward(&X, nullptr, &X, nullptr, 1e-5, &X, &DW, nullptr) == 0, "empty");
    for (int64_t i = 0; i < d; ++i) REQUIRE(dw.get(0, i) == 0, "dweight of no rows is zero");
  }
}

void test_refusals() {
  const int F = PYTRANSFORMERS_FLOAT32, H = PYTRANSFORMERS_FLOAT16;
  Array x = Array::dense({3, 8}, F), w = Array::dense({8}, F);
  const auto X = x.view(), W = w.view();
  const auto norm = [&](const pytransformers_tensor* x_, const pytransformers_tensor* r, const pytransformers_tensor* w_,
                        const pytransformers_tensor* b, double eps, const pytransformers_tensor* y,
                        const pytransformers_tensor* s) {
    return pytransformers_layer_norm(x_, r, w_, b, eps, y, s, nullptr);
  };
  refused(norm(nullptr, nullptr, nullptr, nullptr, 1e-5, &X, nullptr), "expected x and y");
  refused(norm(&X, &X, nullptr, nullptr, 1e-5, &X, nullptr), "sum exactly with residual");
  refused(norm(&X, nullptr, nullptr, nullptr, -1, &X, nullptr), "finite eps");
  refused(norm(&X, nullptr, nullptr, nullptr, NAN, &X, nullptr), "finite eps");
  auto scalar = X;
  scalar.rank = 0;
  refused(norm(&scalar, nullptr, nullptr, nullptr, 1e-5, &X, nullptr), "1 to 16 dimensions");
  auto deep = X;
  deep.rank = 17;
  refused(norm(&deep, nullptr, nullptr, nullptr, 1e-5, &X, nullptr), "1 to 16 dimensions");
  auto other = X;
  other.dtype = PYTRANSFORMERS_OTHER;
  refused(norm(&other, nullptr, nullptr, nullptr, 1e-5, &X, nullptr), "dtype float32, float16 or bfloat16");
  other.dtype = -5;
  refused(norm(&other, nullptr, nullptr, nullptr, 1e-5, &X, nullptr), "dtype float32, float16 or bfloat16");
  const int64_t negative[] = {-3, 8}, wide[] = {3, 9}, stride2[] = {16, 2};
  auto bad = X;
  bad.sizes = negative;
  refused(norm(&bad, nullptr, nullptr, nullptr, 1e-5, &X, nullptr), "sizes at least 0");
  bad.sizes = wide;
  refused(norm(&X, nullptr, nullptr, nullptr, 1e-5, &bad, nullptr), "x's shape (3, 8), got (3, 9)");
  refused(norm(&X, &bad, nullptr, nullptr, 1e-5, &X, &X), "expected residual of x's shape");
  bad = X;
  bad.strides = stride2;
  refused(norm(&bad, nullptr, nullptr, nullptr, 1e-5, &X, nullptr), "contiguous in its last dimension");
  bad = X;
  bad.data = nullptr;
  refused(norm(&bad, nullptr, nullptr, nullptr, 1e-5, &X, nullptr), "memory behind x");
  bad = X;
  bad.dtype = H;
  refused(norm(&X, nullptr, nullptr, nullptr, 1e-5, &bad, nullptr), "x's dtype float32, got float16");
  refused(norm(&X, nullptr, &X, nullptr, 1e-5, &X, nullptr), "weight of shape (8,), got (3, 8)");
  auto short_weight = W;
  const int64_t seven[] = {7};
  short_weight.sizes = seven;
  refused(norm(&X, nullptr, &W, &short_weight, 1e-5, &X, nullptr), "bias of shape (8,), got (7,)");
  auto half_weight = W;
  half_weight.dtype = H;
  refused(norm(&X, nullptr, &half_weight, nullptr, 1e-5, &X, nullptr), "weight of dtype float32, got float16");
  refused(norm(&X, nullptr, &W, &half_weight, 1e-5, &X, nullptr), "bias of dtype float32, got float16");
  auto strided_weight = W;
  const int64_t two[] = {2};
  strided_weight.strides = two;
  refused(norm(&X, nullptr, &strided_weight, nullptr, 1e-5, &X, nullptr), "contiguous weight");
  refused(pytransformers_rms_norm_backward(nullptr, nullptr, &X, nullptr, 1e-5, &X, nullptr, nullptr), "dy, x and dx");
  refused(pytransformers_rms_norm_backward(&bad, nullptr, &X, nullptr, 1e-5, &X, nullptr, nullptr), "expected dy of x's");
  refused(pytransformers_rms_norm_backward(&X, &bad, &X, nullptr, 1e-5, &X, nullptr, nullptr), "expected dsum of x's");
  refused(pytransformers_rms_norm_backward(&X, nullptr, &X, &W, 1e-5, &X, &half_weight, nullptr), "dweight of dtype");
  refused(pytransformers_set_instruction_set("mmx"), "on this processor, got mmx");
  refused(pytransformers_set_instruction_set(nullptr), "got NULL");
}

}  // namespace

int main() {
  const std::string best = pytransformers_instruction_set();
  for (const char* isa : {"baseline", "avx2", "avx512"}) test_all_numbers(isa);
  REQUIRE(pytransformers_set_instruction_set(best.c_str()) == PYTRANSFORMERS_OK, "%s", pytransformers_last_error());
  test_empty();
  test_refusals();
  std::printf("%ld checks passed on instruction sets up to %s\n", checks.load(), best.c_str());
  return 0;
}
