/* The functions of libyaml that reading a file needs, each handed on to the library, which is opened with the first call:
 * most runs read neither settings nor parameters of migrations. */
#include "CYAML.h"

#include "lazy_library.h"

static struct lazy_library library = LAZY_LIBRARY("libyaml-0.so.2", "libyaml-0-2",
                 "yaml_parser_initialize",
                 "yaml_parser_delete",
                 "yaml_parser_set_input_string",
                 "yaml_parser_parse",
                 "yaml_event_delete");

const char *adbvec_yaml_problem(void) { return lazy_library_problem(&library); }

int yaml_parser_initialize(yaml_parser_t *parser) {
  LAZY_REAL(&library, yaml_parser_initialize, 0)
  return real(parser);
}

void yaml_parser_delete(yaml_parser_t *parser) {
  LAZY_REAL(&library, yaml_parser_delete)
  real(parser);
}

void yaml_parser_set_input_string(yaml_parser_t *parser, const unsigned char *input, size_t size) {
  LAZY_REAL(&library, yaml_parser_set_input_string)
  real(parser, input, size);
}

int yaml_parser_parse(yaml_parser_t *parser, yaml_event_t *event) {
  LAZY_REAL(&library, yaml_parser_parse, 0)
  return real(parser, event);
}

void yaml_event_delete(yaml_event_t *event) {
  LAZY_REAL(&library, yaml_event_delete)
  real(event);
}
