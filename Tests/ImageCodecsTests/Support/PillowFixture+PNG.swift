extension PillowFixture {
  static let pngFiles = [
    PillowFixture(
      name: "PNG, grey, 1 bits",
      file: """
        iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGAQAAAAAjgGnmAAAAFElEQVR4nGMIYTFlKGOIZNnIPAEADV0CpY2P33YAAAAASUVORK5C
        YII=
        """,
      width: 5,
      height: 6,
      rgb: """
        AAAA////AAAA////AAAA////AAAAAAAAAAAA////AAAA////////////AAAAAAAA////AAAA////////AAAAAAAAAAAAAAAA////
        ////AAAAAAAA////AAAA
        """
    ),
    PillowFixture(
      name: "PNG, grey, 2 bits, interlaced",
      file: """
        iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGAgAAAAETJyOgAAAAJElEQVR4nGO0ZrrKLMz4n6GO+TrzISYmlnlM5o9Z7psyakkBAGXP
        B2Zst2ixAAAAAElFTkSuQmCC
        """,
      width: 5,
      height: 6,
      rgb: """
        AAAA////////AAAA////AAAA////VVVV////////////////VVVVAAAAVVVVAAAAVVVVVVVVqqqqAAAAAAAAVVVVVVVVqqqqVVVV
        AAAAqqqqqqqqqqqqVVVV
        """
    ),
    PillowFixture(
      name: "PNG, grey, 4 bits",
      file: """
        iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGBAAAAADrYOaWAAAAIUlEQVR4nGOSXvyC6TbrDUan+mVMXO9bGL8m97F02P8DAHOfCfpM
        YAeaAAAAAElFTkSuQmCC
        """,
      width: 5,
      height: 6,
      rgb: """
        ERERu7u7qqqqMzMz7u7u////ZmZmqqqqiIiIzMzMREREIiIizMzMERERZmZmREREzMzMu7u7AAAA7u7u////VVVVVVVViIiI7u7u
        d3d33d3dmZmZd3d37u7u
        """
    ),
    PillowFixture(
      name: "PNG, grey, 8 bits",
      file: """
        iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGCAAAAAAukAuXAAAAL0lEQVR4nAEkANv/BFEYo/fQAxMcknc9AUMHuwPTBC6bXOWOApH1
        rD3XBLZ5YayW9XoO5htq4qQAAAAASUVORK5CYII=
        """,
      width: 5,
      height: 6,
      rgb: """
        UVFRaWlpDAwMAwMD09PTOzs7bm5uz8/P4ODgFhYWQ0NDSkpKBQUFCAgI29vbcXFxDAwMYWFhRkZGaWlpAgICAQEBDQ0Ng4ODQEBA
        uLi4MTExkpKSPj4+1NTU
        """
    ),
    PillowFixture(
      name: "PNG, grey, 16 bits, interlaced",
      file: """
        iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGEAAAAAEJB+dCAAAAU0lEQVR4nAFIALf/ATEhBEHBAV/8iZwABfwBcXoBmV0cuopdAYdr
        +OcDnUGGsgMEuN1WBK4QUgSxjIpOozQA6msW/8KI/hZL8gTw/eewcRJL29+5B9ogKxICM0sAAAAASUVORK5CYII=
        """,
      width: 5,
      height: 6,
      rgb: """
        ////////////////////////FBQU////////////////////////////////////////////////////////////////////////
        ////////////////////
        """
    ),
    PillowFixture(
      name: "PNG, RGB, 8 bits",
      file: """
        iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGCAIAAACEmcMcAAAAa0lEQVR4nAFgAJ//AuKEtwhV4AQxB0GM2LHXuwJetCgFC5oHT0PG
        ye5pmD8BsUDYFimKUsYxEzQsWQW5AEB6pQXV4tDWDlsBAnalXwLMXpAgBLwapXtIP72sKCkAoQ9Z7CgB2g8aBCokozkwSXUkYMRh
        3qUAAAAASUVORK5CYII=
        """,
      width: 5,
      height: 6,
      rgb: """
        4oS3CFXgBDEHQYzYsde7QDjfDWB6C4BKB1XGGm/6sUDYx2liGS+TLGO/hWh4QHqlBdXi0NYOWwECdqVfDNg1Jdme6nuJo0C/Is2I
        oQ9Z7CgB2g8aBCokozkw
        """
    ),
    PillowFixture(
      name: "PNG, RGB, 16 bits, interlaced",
      file: """
        iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGEAIAAAGjDi/JAAAAy0lEQVR4nAHAAD//BEhhUOXY3gBMl9RqaWQCcvuuMB/wTa43Y8gX
        A/MomQSqyAGB5JrwyP4DyflAfrMPZUn69ljaTrpC8vQoAQfRr1ByLx961IQVQgJ+8XH631IsXtTE5fACjzU3V0lklu9my51vA01A
        d1CQf8X/WTUbvy1VoOB2TD4K4o19G4ytQxE6TgKGgKP61Xu+Pu58QSsWqmDYsqNVTeMR572FdylKiScAlXVWqfeydOoaNDmxl+AB
        4Xo188eixSGRac9w7XsuEmtdt3O60DcAAAAASUVORK5CYII=
        """,
      width: 5,
      height: 6,
      rgb: """
        SFDYB69y85mqJoOHTNRpTXeQ65Rjouqnj1fQ026iyUCzhSBRyRqxUldssk9M0xplqYKkuEpZ5Dq3WJcrcq4fFFeagZrI6L0JTTfI
        lVb3dBo5lwF686IhaXB7
        """
    ),
    PillowFixture(
      name: "PNG, palette, 1 bits",
      file: """
        iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGAQMAAAAxNcYIAAAABlBMVEW8xlzCHMWws+7sAAAAFElEQVR4nGNYxZzOkMKUxLyDJRwA
        ElwC89RCXccAAAAASUVORK5CYII=
        """,
      width: 5,
      height: 6,
      rgb: """
        whzFvMZcwhzFvMZcwhzFwhzFvMZcwhzFwhzFwhzFvMZcwhzFwhzFvMZcvMZcwhzFwhzFvMZcvMZcvMZcvMZcvMZcvMZcwhzFwhzF
        vMZcwhzFwhzFwhzFvMZc
        """
    ),
    PillowFixture(
      name: "PNG, palette, 2 bits, interlaced",
      file: """
        iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGAgMAAAEBkoxOAAAADFBMVEWIsyMU9jZQOt0raZx4BX8VAAAAI0lEQVR4nGMoY+xkCGQJ
        Y6hhbGa0Z7jAIsI8qZehzJ7pxDIAVEQHG05IfhsAAAAASUVORK5CYII=
        """,
      width: 5,
      height: 6,
      rgb: """
        FPY2iLMjFPY2K2mcUDrdUDrdFPY2iLMjUDrdK2mcUDrdK2mciLMjFPY2iLMjFPY2K2mcFPY2UDrdiLMjFPY2K2mcFPY2UDrdFPY2
        iLMjK2mcK2mcUDrdK2mc
        """
    ),
    PillowFixture(
      name: "PNG, palette, 4 bits",
      file: """
        iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGBAMAAAD51Ul4AAAAMFBMVEVd8iF/ZUy5pGNARCMBASFaCDyGF2HeciGgGEs5/J6xUOsv
        eOhoTDBlP9r9G9yyoum9TKpyAAAAIElEQVR4nGNk8fBj2Gn7hLnWpIHlywZVRh9NQYa5SmoAV6cG4xrFd1gAAAAASUVORK5CYII=
        """,
      width: 5,
      height: 6,
      rgb: """
        XfIhAQEhAQEhaEwwOfyeL3joOfyeQEQjZT/a/RvcZT/aOfyeL3josqLpWgg8aEwwZT/ahhdhsqLp3nIhAQEhaEww3nIhWgg8oBhL
        OfyeZT/auaRjuaRjuaRj
        """
    ),
    PillowFixture(
      name: "PNG, palette, 8 bits",
      file: """
        iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGCAMAAAA8JaR5AAAAPFBMVEUYPfp8tpzYJDD5l8RRjQZ3rBOWztdooAxLj5NYRr5HzXx1
        OJx8afi3Vlc1l24b/M1C8Z7Uc5mqwqicuak/MDCDAAAAL0lEQVR4nAEkANv/AhLrmx3IAIyAJOnKA+fooPbVBCh8MGfPBLGTFhGl
        BM96DfiTMdoQpw2oIccAAAAASUVORK5CYII=
        """,
      width: 5,
      height: 6,
      rgb: """
        qsKoAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAfLacAAAAAAAAls7XAAAAAAAAAAAAAAAA
        AAAAAAAAAAAAAAAAAAAA
        """
    ),
    PillowFixture(
      name: "PNG, grey and alpha, 8 bits",
      file: """
        iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGCAQAAACh8pzAAAAATUlEQVR4nAFCAL3/ATyPahMybyzKtoUBFQXLADgeTSOpHgFB6MpL
        Indyf78EARqH84ijlhSbJrMD0MimCKewZD0bdgPLurdLXe10W+KUG3Ia5PSJB3gAAAAASUVORK5CYII=
        """,
      width: 5,
      height: 6,
      rgb: """
        PDw8pqam2NjYBAQEurq6FRUV4ODgGBgYZWVlDg4OQUFBCwsLLS0tn5+fXl5eGhoaDQ0NsLCwxMTE6urq3d3dGxsbDAwMzMzM9vb2
        OTk54eHh09PTQ0NDfn5+
        """
    ),
    PillowFixture(
      name: "PNG, grey and alpha, 16 bits, interlaced",
      file: """
        iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGEAQAAAGGZXAVAAAAj0lEQVR4nAGEAHv/A+j55F8BMmIMIQNw3jGhM65EagPpJqGNAq5s
        YKwDMmG0hPXkcWmbQ/NBAWzAuPoBy2MvALGU352yMi5TAKKfkowLVsy/ALjP2HxOYqgnhVAAk8qXnMz5UKLNA/zqcEvUOhCjd1A5
        pq9X3ObIVv2xA0dlMRmKI31MOEVRXgD5FaUUMYDex8o9GKQZZb4AAAAASUVORK5CYII=
        """,
      width: 5,
      height: 6,
      rgb: """
        6OjobGxs6enpbW1tMjIyuLi4Tk5OhYWFysrK+fn5MjIysbGxDg4OsrKyoqKiWFhYJycnzc3Nenp6gYGBcHBwoqKil5eXCwsLa2tr
        c3Nz19fXCgoKQkJCdXV1
        """
    ),
    PillowFixture(
      name: "PNG, RGBA, 8 bits, interlaced",
      file: """
        iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGCAYAAAF8/GTdAAAAj0lEQVR4nAGEAHv/Ac6nO38DevWKMQGaAPkx7vQ6JwPUdV/gAFFp
        vrADDkSjvq1qyrMVz0GPAKPcbshXLegxAgSl+fMN0NeQARcuBBAS6t9BAkL50NmM3InQkotQNqahnrS8JUimBGXsY38WWgB/Jdp/
        a/Itn+Fkx0eGAHoQF4Hw6C3gipsM1g+mC1/k+J/hyNA+m/PqkJUAAAAASUVORK5CYII=
        """,
      width: 5,
      height: 6,
      rgb: """
        zqc7o9xu1HVfVy3oevWKQvnQjNyJkotQpqGevCVIDkSjp4FntIwbZP2/bxVOp+UzvTYz4hCy1D1ROOyPmgD5Fy4EUWm+KRjjiPQz
        ehAX8OgtipsMD6YL5Pif
        """
    ),
    PillowFixture(
      name: "PNG, RGBA, 16 bits, interlaced",
      file: """
        iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGEAYAAAEsbLieAAABB0lEQVR4nAH8AAP/AImplb/Tm4yeAH7Xc3RZLGhhAqKXPUJDkx7a
        98R004hLRiMDjXDvnXwMci8CSNSZRzz3O4cADUvZf0Ek/R13SFYilOzX2ahwE4METNBJBD637VXrAdYraT9R5hKg7wIEk/VLEWo9
        fM7TK7V1M0QdIARwo4htAhxTC0tbeLh8jq39AFnGOomg/PftSoPBHvJmGMp/ZSVrHO/uDbGMFTUxtIbbb6HStmfvz+ICBSneIVG+
        t0nEcKNMv2BjQeXtrxREMvLddygFGPJvKMTIU0C3qtKpbwONlc9nj6vHhj4Gy7y7j7Z1jBCC+HiJ5dbFLmAU+Thm5zG0uSisWuM1
        4fd3zUW1ayMAAAAASUVORK5CYII=
        """,
      width: 5,
      height: 6,
      rgb: """
        iZXTPu3rje98pz79fnNZWTqgSsHyfyUcsRUxb9JnDdlB0ThVd1aUpO2IqBMEXhjxDmSxZNRgKBojNxIRoj1DQcBX1Yi4jGUE93SI
        vNsHo2oXDyGz4H1kvADm
        """
    ),
  ]
}
