# Pattern strings as Python passes hold them; made for the tests of `rulefold import`.
import torch

pattern = """graph(%x, %low, %high):
    %one : int = prim::Constant[value=1]()
    %none : NoneType = prim::Constant()
    %y = aten::add(%x, %low, %one)
    %2 = aten::clamp(%y, %none, %high)
    return (%2)"""
replacement = """graph(%a, %b, %c):
    %one : int = prim::Constant[value=1]()
    %y = aten::add(%a, %b, %one)
    %none : NoneType = prim::Constant()
    %r = aten::clamp(%y, %none, %c)
    return (%r)"""
torch._C._jit_pass_custom_pattern_based_rewrite_graph(pattern, replacement, graph)

first = ("graph(%x):\n"
         "  %y = aten::t(%x)\n"
         "  %z = aten::t(%y)\n"
         "  return (%z)")
second = ("graph(%x):\n"
          "  return (%x)")
rewrite(first, second)
