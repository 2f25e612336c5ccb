"""Makes colour-emoji.ttf: a font with one character, U+1F98A, which is a red square with clear corners (fonttools)."""
import struct
import zlib

from fontTools.fontBuilder import FontBuilder
from fontTools.ttLib import newTable
from fontTools.ttLib.tables import BitmapGlyphMetrics, C_B_D_T_, E_B_L_C_

SIDE = 32


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png():
    clear, red = b"\0\0\0\0", b"\xff\x20\x00\xff"
    edge = {0, 1, SIDE - 2, SIDE - 1}
    rows = b"".join(
        b"\0" + b"".join(clear if x in edge and y in edge else red for x in range(SIDE)) for y in range(SIDE)
    )
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def line(**values):
    metrics = E_B_L_C_.SbitLineMetrics()
    names = "ascender descender widthMax caretSlopeNumerator caretSlopeDenominator caretOffset minOriginSB minAdvanceSB maxBeforeBL minAfterBL pad1 pad2"
    for name in names.split():
        setattr(metrics, name, values.get(name, 0))
    return metrics


font = FontBuilder(1000, isTTF=True)
font.setupGlyphOrder([".notdef", "fox"])
font.setupCharacterMap({0x1F98A: "fox"})
font.setupHorizontalMetrics({".notdef": (1000, 0), "fox": (1000, 0)})
font.setupHorizontalHeader(ascent=900, descent=-100)
font.setupNameTable({"familyName": "Adbvec Test Emoji", "styleName": "Regular"})
font.setupOS2()
font.setupPost()
font.setupMaxp()

glyph = C_B_D_T_.cbdt_bitmap_format_17(b"", font.font)
glyph.metrics = BitmapGlyphMetrics.SmallGlyphMetrics()
for name, value in dict(height=SIDE, width=SIDE, BearingX=0, BearingY=28, Advance=SIDE + 2).items():
    setattr(glyph.metrics, name, value)
glyph.imageData = png()
data = newTable("CBDT")
data.version, data.strikeData = 3.0, [{"fox": glyph}]

strike = E_B_L_C_.Strike()
table = strike.bitmapSizeTable
table.hori = line(ascender=28, descender=-4, widthMax=SIDE)
table.vert = line()
table.startGlyphIndex = table.endGlyphIndex = 1
table.ppemX = table.ppemY = SIDE
table.bitDepth, table.flags, table.colorRef = 32, 1, 0
index = E_B_L_C_.eblc_index_sub_table_1(b"", font.font)
index.names, index.firstGlyphIndex, index.lastGlyphIndex = ["fox"], 1, 1
index.indexFormat, index.imageFormat, index.imageDataOffset = 1, 17, 4
index.locations = []
strike.indexSubTables = [index]
place = newTable("CBLC")
place.version, place.strikes = 3.0, [strike]
font.font["CBDT"], font.font["CBLC"] = data, place
for table in ("glyf", "loca"):
    font.font.tables.pop(table, None)
font.save("colour-emoji.ttf")
