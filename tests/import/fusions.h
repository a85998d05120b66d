// Pattern strings as C++ passes hold them; made for the tests of `rulefold import`.
#include <string>

std::vector<Info> fusions() {
  // a linear between dequantize and quantize
  std::string linear = R"(
graph(%a_quant, %packed, %scale, %zero_point, %dtype):
        %a_dequant = aten::dequantize(%a_quant)
        %w_quant : Tensor, %b : Tensor? = quantized::linear_unpack(%packed)
        %w = aten::dequantize(%w_quant)
        %r = aten::linear(%a_dequant, %w, %b)
        %r_quant = aten::quantize_per_tensor(%r, %scale, %zero_point, %dtype)
        return (%r_quant) )";
  std::string linear_relu_ = R"(
graph(%a_quant, %packed, %scale, %zero_point, %dtype):
        %a_dequant = aten::dequantize(%a_quant)
        %w_quant : Tensor, %b : Tensor? = quantized::linear_unpack(%packed)
        %w = aten::dequantize(%w_quant)
        %l = aten::linear(%a_dequant, %w, %b)
        %r = aten::relu_(%l)
        %r_quant = aten::quantize_per_tensor(%r, %scale, %zero_point, %dtype)
        return (%r_quant) )";
  std::string quantized_linear = R"(
graph(%a_quant, %packed, %scale, %zero_point, %dtype):
        %r_quant = quantized::linear(%a_quant, %packed, %scale, %zero_point)
        return (%r_quant) )";
  std::string quantized_linear_relu = R"(
graph(%a_quant, %packed, %scale, %zero_point, %dtype):
        %r_quant = quantized::linear_relu(%a_quant, %packed, %scale, %zero_point)
        return (%r_quant) )";
  std::string add = R"(
graph(%a_quant, %b_quant, %alpha, %scale, %zero_point, %dtype):
        %a = aten::dequantize(%a_quant)
        %b = aten::dequantize(%b_quant)
        %r = aten::add(%a, %b, %alpha)
        %r_quant = aten::quantize_per_tensor(%r, %scale, %zero_point, %dtype)
        return (%r_quant) )";
  std::string quantized_add = R"(
graph(%a_quant, %b_quant, %alpha, %scale, %zero_point, %dtype):
        %r_quant = quantized::add(%a_quant, %b_quant, %scale, %zero_point)
        return (%r_quant) )";
  std::string called = R"(
graph(%self, %x):
        %relu = match::module[name="ReLU"](%self)
        %y = prim::CallMethod[name="forward"](%relu, %x)
        return (%y) )";
  std::string plain = R"(
graph(%self, %x):
        %y = aten::relu(%x)
        return (%y) )";
  std::string assembled = R"(
graph(%x):
        %y = )" + op + R"((%x)
        return (%y) )";

  return {
      {"quantized::linear", std::move(linear), std::move(quantized_linear)},
      {"quantized::linear_relu", linear_relu_, quantized_linear_relu},
      {"quantized::add", add, quantized_add, {aten_add_alpha_is_one}},
      {"relu", called, plain},
  };
}
