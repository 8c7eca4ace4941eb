// layer_norm for every pair of dtypes. Compiled once per instruction set.
#include "cpu/norm_rows.h"

namespace pytransformers {
namespace PYTRANSFORMERS_ISA {

extern NormTable layer_norm_kernels = NORM_TABLE(true);

}  // namespace PYTRANSFORMERS_ISA
}  // namespace pytransformers
