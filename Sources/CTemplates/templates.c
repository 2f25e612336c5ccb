// The page's templates, words and assets, so that the installed program works without the repository. As resources of a Swift package
// they would be arrays of numbers, which take the compiler ten seconds.
#include "CTemplates.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char page_mustache[] = {
#embed "../../templates/page.mustache"
};
static const unsigned char panel_mustache[] = {
#embed "../../templates/panel.mustache"
};
static const unsigned char results_mustache[] = {
#embed "../../templates/results.mustache"
};
static const unsigned char cards_mustache[] = {
#embed "../../templates/cards.mustache"
};
static const unsigned char detail_mustache[] = {
#embed "../../templates/detail.mustache"
};
static const unsigned char facets_mustache[] = {
#embed "../../templates/facets.mustache"
};
static const unsigned char languages_mustache[] = {
#embed "../../templates/languages.mustache"
};
static const unsigned char login_mustache[] = {
#embed "../../templates/login.mustache"
};
static const unsigned char openapi_json[] = {
#embed "../../templates/openapi.json"
};
static const unsigned char texts_en_json[] = {
#embed "../../templates/texts.en.json"
};
static const unsigned char texts_ja_json[] = {
#embed "../../templates/texts.ja.json"
};
static const unsigned char texts_zh_json[] = {
#embed "../../templates/texts.zh.json"
};
static const unsigned char page_css[] = {
#embed "../../templates/page.css"
};
static const unsigned char page_js[] = {
#embed "../../templates/page.js"
};
static const unsigned char grid_js[] = {
#embed "../../templates/grid.js"
};
static const unsigned char upload_js[] = {
#embed "../../templates/upload.js"
};
static const unsigned char icon_svg[] = {
#embed "../../templates/icon.svg"
};
static const unsigned char placeholder_svg[] = {
#embed "../../templates/placeholder.svg"
};

#define FILE(variable, name) {name, variable, sizeof variable}
static const struct adbvec_template files[] = {
    FILE(page_mustache, "page.mustache"),
    FILE(panel_mustache, "panel.mustache"),
    FILE(results_mustache, "results.mustache"),
    FILE(cards_mustache, "cards.mustache"),
    FILE(detail_mustache, "detail.mustache"),
    FILE(facets_mustache, "facets.mustache"),
    FILE(languages_mustache, "languages.mustache"),
    FILE(login_mustache, "login.mustache"),
    FILE(openapi_json, "openapi.json"),
    FILE(texts_en_json, "texts.en.json"),
    FILE(texts_ja_json, "texts.ja.json"),
    FILE(texts_zh_json, "texts.zh.json"),
    FILE(page_css, "page.css"),
    FILE(page_js, "page.js"),
    FILE(grid_js, "grid.js"),
    FILE(upload_js, "upload.js"),
    FILE(icon_svg, "icon.svg"),
    FILE(placeholder_svg, "placeholder.svg"),
};

const struct adbvec_template *adbvec_templates(void) { return files; }
size_t adbvec_templates_count(void) { return sizeof files / sizeof files[0]; }
