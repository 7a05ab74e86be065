// Refuses text that would make a very deep syntax tree, before libpg_query
// (which recurses over its tree) sees it.
#pragma once

#include <vector>

#include "server/sql/token.h"

namespace freshet {

// kLimit, with the place, when parentheses are open more than 200 deep, when
// a run of tokens that may nest in each other is longer than 400, or when
// there are more than 100 joins and set operations.
//
// Every node of a tree costs at least one token, so the depth of the tree is
// at most the tokens of one run: those since the last comma, AND, OR, WHEN,
// THEN or ELSE, plus those of the enclosing levels, plus those of the deepest
// level closed within the run.
Status check_nesting(std::string_view text, const std::vector<Token>& tokens);

}  // namespace freshet
