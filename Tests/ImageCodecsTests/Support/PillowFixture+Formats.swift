extension PillowFixture {
  static let otherFiles = [
    PillowFixture(
      name: "JPEG, 4:2:0",
      file: """
        /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxO
        UlNSMj5aYVpQYEpRUk//2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09P
        T09PT09PT0//wAARCAAFAAcDASIAAhEBAxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUF
        BAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVW
        V1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi
        4+Tl5ufo6erx8vP09fb3+Pn6/8QAHwEAAwEBAQEBAQEBAQAAAAAAAAECAwQFBgcICQoL/8QAtREAAgECBAQDBAcFBAQAAQJ3AAEC
        AxEEBSExBhJBUQdhcRMiMoEIFEKRobHBCSMzUvAVYnLRChYkNOEl8RcYGRomJygpKjU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVm
        Z2hpanN0dXZ3eHl6goOEhYaHiImKkpOUlZaXmJmaoqOkpaanqKmqsrO0tba3uLm6wsPExcbHyMnK0tPU1dbX2Nna4uPk5ebn6Onq
        8vP09fb3+Pn6/9oADAMBAAIRAxEAPwDMiv7iDUZtPQoIYGITC9KKKK82ejPWjqtT/9k=
        """,
      width: 7,
      height: 5,
      rgb: """
        XRMAikAl0YRq7J+B04RjwXNNzX9YkEgvoVc8yHxi3ZByzoJgyHpUz4FarWdNkk0wjkcrnFMzo1k2rWI7tWdAsnBWdzYaUxAAWxYA
        cikGjkQdnVIqyY1zfUAkSQoASwoAZiIAikIcolkw
        """
    ),
    PillowFixture(
      name: "JPEG, grey",
      file: """
        /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxO
        UlNSMj5aYVpQYEpRUk//wAALCAAFAAcBAREA/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUF
        BAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVW
        V1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi
        4+Tl5ufo6erx8vP09fb3+Pn6/9oACAEBAAA/AMyK/uINRm09CghgYhML0r//2Q==
        """,
      width: 7,
      height: 5,
      rgb: """
        JiYmU1NTmJiYs7OzmJiYhoaGkpKSW1tbampqkJCQpKSklZWVjY2NlJSUeXl5Xl5eWVlZZWVla2trdHR0enp6gYGBRkZGISEhJycn
        Ozs7VlZWZGRknJycT09PGRkZGhoaMjIyU1NTampq
        """
    ),
    PillowFixture(
      name: "JPEG, CMYK",
      file: """
        /9j/7gAOQWRvYmUAZAAAAAAA/9sAQwANCQoLCggNCwoLDg4NDxMgFRMSEhMnHB4XIC4pMTAuKS0sMzpKPjM2RjcsLUBXQUZMTlJT
        UjI+WmFaUGBKUVJP/8AAFAgABQAHBEMRAE0RAFkRAEsRAP/EABcAAAMBAAAAAAAAAAAAAAAAAAQFBgf/xAAhEAACAQMEAwEAAAAA
        AAAAAAACAwQAAQUREhNRFCHwIv/aAA4EQwBNAFkASwAAPwA6NkXLyb8csVghF7iuwjpppSJc6THyTseBDwxzLZ+fu6jvKfGlshgd
        uNJ32+vu606v/9k=
        """,
      width: 7,
      height: 5,
      rgb: """
        MywThToeyJFj16Zy0pVxxWdExYddlUwlvEUh04FR0pJe0IlgyWo+wopVw2E1sTcZmkkplVUyp1Y5uE8otm47vndLgi0ZURMHURwP
        dCYYnTgZq1Qo0Z1sfUArQwgARREJYx0QkEIhqlkq
        """
    ),
    PillowFixture(
      name: "JPEG, progressive 4:4:4",
      file: """
        /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAoHBwgHBgoICAgLCgoLDhgQDg0NDh0VFhEYIx8lJCIfIiEmKzcvJik0KSEiMEExNDk7
        Pj4+JS5ESUM8SDc9Pjv/2wBDAQoLCw4NDhwQEBw7KCIoOzs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7
        Ozs7Ozs7Ozv/wgARCAAFAAcDAREAAhEBAxEB/8QAFAABAAAAAAAAAAAAAAAAAAAABP/EABQBAQAAAAAAAAAAAAAAAAAAAAT/2gAM
        AwEAAhADEAAAARkf/8QAFhABAQEAAAAAAAAAAAAAAAAAAgMB/9oACAEBAAEFAsqjX//EABYRAQEBAAAAAAAAAAAAAAAAAAEAEf/a
        AAgBAwEBPwEdv//EABcRAQADAAAAAAAAAAAAAAAAAAEAESH/2gAIAQIBAT8BTLn/xAAYEAACAwAAAAAAAAAAAAAAAAABMQACA//a
        AAgBAQAGPwI5BVU//8QAFxAAAwEAAAAAAAAAAAAAAAAAAAERMf/aAAgBAQABPyGX13g//9oADAMBAAIAAwAAABAf/8QAFhEBAQEA
        AAAAAAAAAAAAAAAAAREA/9oACAEDAQE/EAUm/8QAFhEAAwAAAAAAAAAAAAAAAAAAAAER/9oACAECAQE/EJIP/8QAFxABAQEBAAAA
        AAAAAAAAAAAAEQEA8P/aAAgBAQABPxCtkygTnf/Z
        """,
      width: 7,
      height: 5,
      rgb: """
        XRwAfjwc045x4p53z5BbrXI4x49gnFAuolI51YVu3Y5v0YdYuHE9zYZatmFClT8onkY4pU84q1cyrFgqv2pDumtKeyoVXg4DZRYH
        eCkKkkEWqlUs1Zdug0UsTQ8EUBIFYCAEh0IYo1Yo
        """
    ),
    PillowFixture(
      name: "WebP, lossy",
      file: """
        UklGRkYAAABXRUJQVlA4IDoAAAAQAgCdASoHAAUAAsBMJbACdLoAAx8dlEWQAP6sU6Sf00FnHh9MI+jx7bKhc+vmVRe/B78koT8J
        igAA
        """,
      width: 7,
      height: 5,
      rgb: """
        WBIAhT8e0Ytq45582pJyunJRzoZjjkknpF89y4VkvnhX35d2vXVVx39crmhHfTcWkUsqsWxKlUwsmFAvsWlGtG5MaiUDWRMAWxUA
        iEAfkkoqqmI93Jh4g0AgTwwAXBcAXxcAi0MjpFo2
        """
    ),
    PillowFixture(
      name: "WebP, lossless with alpha",
      file: """
        UklGRuIAAABXRUJQVlA4TNYAAAAvBgABEBfBJgCANLi73vTPQg1utp1ag1FtW6lwdzKQgEX/HoxowNS+sAkAMMnc3Uf/LPThcmHa
        AGAT12Vrm1psg9zwA+GLDo/nARQncMD+gqAID+x5QZQWJvF/2Q47AeGP+aVKZpzLQpVf/vUcAWq/hRiY3FCd6BAj2eFQgYvLfBzS
        R6y5rWLh0fUxj2prHOAPyDdg+JvkAaXPItGLbAaU/7PfehYQXWfzEMD0H9I51upddwkGAQCWjc22dUb0P6C83tO38nM8bdVofh3K
        xzDgyd4ZESoc
        """,
      width: 7,
      height: 5,
      rgb: """
        NBwOk0ggyIhg1qaD0Ixgwm47yo1hn0whtEoozYVV0YA715tzwWs8yodXvWs+qDEVmkkvrnBEoEcruUskrWg9tnNJhyURVAwENRQQ
        fzQgoDkYoFIn059zekcwRAwFTxMJYhwMhkMiqFcq
        """
    ),
    PillowFixture(
      name: "WebP, animated",
      file: """
        UklGRiIBAABXRUJQVlA4WAoAAAACAAAABgAABAAAQU5JTQYAAAAAAAAAAABBTk1GbAAAAAAAAAAAAAYAAAQAAAAAAAJWUDggVAAA
        AFABAJ0BKgcABQADgFolsAAEdAAA/uNT4qxeTa/5/JoU5f1HP8hpUEhv4nODEFnCs7//cG8f25D/3BvH9v+/7g3j+3/f9eunsYJQ
        U//xQ81u4w4AAEFOTUaCAAAAAAAAAAAABgAABAAAAAAAAFZQOCBqAAAAVAEAnQEqBwAFAAAAWiWwAAT9gAD+6pH/+LDpr/0A/7/5
        n+gz/+/+4P+/r7/f6/v//3CgrA2EH3w5fzccldvhDmzQzcMT8aNHcFp/ZlZkQHfxo63/r1VTiP9OF7/5MJDBoTQ2q4gJMgAAAA==
        """,
      width: 7,
      height: 5,
      rgb: """
        Vg0AcikLw3tc5Zx+04trsmpJwnpXlUwuoFg6xX1funFT0YlowHhX1o5runFTgjkbkUkqq2JEl08umVExuHBNwHdbdy8TXBMARwAA
        eTASikIhr2hF3JV7i0QqVQ4AWhMAaiEFiD8hoVc0
        """
    ),
    PillowFixture(
      name: "GIF, 16 colours",
      file: """
        R0lGODdhBwAFAIMAANWgeMqNYcyKYM2ETbZzScBsPK5sQaJSJq9JKJdJKJo6GoclEX0+KEscDTUUEE0OBiwAAAAABwAFAAAIKQAd
        JBAAQECBAAcQDBgAoIBBBQkMJEBggMCCBw4YKDgAgMGDBw0YHAgIADs=
        """,
      width: 7,
      height: 5,
      rgb: """
        NRQQl0kozIpg1aB4zIpgwGw8yo1holImr0kozYRNzYRN1aB4wGw8zIpgwGw8mjoal0kormxBl0kor0kormxBtnNJhyURTQ4GNRQQ
        fT4omjoaolIm1aB4fT4oTQ4GTQ4GSxwNfT4oolIm
        """
    ),
    PillowFixture(
      name: "GIF, interlaced",
      file: """
        R0lGODdhBwAFAIMAANObc8yKYMiATLlsPqJSJqVJKJU1GFooGE0OBgAAAAAAAAAAAAAAAAAAAAAAAAAAACwAAAAABwAFAAAIJAAR
        EAgAIMCAAAQKCBAA4OAAAwUGFIj4EAECAwYIADBg8UDGgAA7
        """,
      width: 7,
      height: 5,
      rgb: """
        TQ4GolImzIpg05tzzIpguWw+zIpgolImpUkoyIBMyIBM05tzuWw+zIpguWw+lTUYpUkouWw+pUkopUkouWw+uWw+lTUYTQ4GTQ4G
        lTUYlTUYolIm05tzlTUYTQ4GTQ4GWigYlTUYolIm
        """
    ),
    PillowFixture(
      name: "GIF, transparent",
      file: """
        R0lGODlhBwAFAIIAANCWbMiATLlsPqJSJqVJKJU1GFooGE0OBiH5BAEAAAIALAAAAAAHAAUAAAgjAA8MAEBQAIABBAIEACAggIAC
        BAQQiPjwwIECBQYWsGggY0AAOw==
        """,
      width: 7,
      height: 5,
      rgb: """
        TQ4GolIm0JZs0JZs0JZsuWw+0JZsolImpUkoyIBMyIBM0JZsuWw+yIBMuWw+lTUYpUkouWw+pUkopUkouWw+uWw+lTUYTQ4GTQ4G
        lTUYlTUYolIm0JZslTUYTQ4GTQ4GWigYlTUYolIm
        """
    ),
    PillowFixture(
      name: "BMP, 24 bits",
      file: """
        Qk2uAAAAAAAAADYAAAAoAAAABwAAAAUAAAABABgAAAAAAHgAAADEDgAAxA4AAAAAAAAAAAAAc5/TMEd6BQxECRNPDBxiIkOGKleo
        AAAASXO2ESWHBAxUEBQ1IDR/GDmgJ1KgAAAAPmu9FTGoL0maRHCuK0egJEu5PWitAAAAIUyfKEq0VYXNO4DRc5vXPGvBV4fKAAAA
        Dhw0IEiTYIjIg6bWYIzQO27CYY3KAAAA
        """,
      width: 7,
      height: 5,
      rgb: """
        NBwOk0ggyIhg1qaD0Ixgwm47yo1hn0whtEoozYVV0YA715tzwWs8yodXvWs+qDEVmkkvrnBEoEcruUskrWg9tnNJhyURVAwENRQQ
        fzQgoDkYoFIn059zekcwRAwFTxMJYhwMhkMiqFcq
        """
    ),
    PillowFixture(
      name: "BMP, 1 bit",
      file: """
        Qk1SAAAAAAAAAD4AAAAoAAAABwAAAAUAAAABAAEAAAAAABQAAADEDgAAxA4AAAIAAAACAAAAAAAAAP///wCCAAAARAAAAJIAAABa
        AAAANAAAAA==
        """,
      width: 7,
      height: 5,
      rgb: """
        AAAAAAAA////////AAAA////AAAAAAAA////AAAA////////AAAA////////AAAAAAAA////AAAAAAAA////AAAA////AAAAAAAA
        AAAA////AAAA////AAAAAAAAAAAAAAAAAAAA////
        """
    ),
    PillowFixture(
      name: "BMP, 16 bits by masks",
      file: """
        Qk1SAAAAAAAAAEIAAAAoAAAAAwAAAAIAAAABABAAAwAAABAAAAAAAAAAAAAAAAAAAAAAAAAAAPgAAOAHAAAfAAAATnHBXAXdC9HC
        mPmBsyqpwQ==
        """,
      width: 3,
      height: 2,
      rgb: "nBgQgzzNKVWccyhzWpkI3qEp"
    ),
    PillowFixture(
      name: "BMP, 32 bits, top down",
      file: """
        Qk1OAAAAAAAAADYAAAAoAAAAAwAAAP7///8BACAAAAAAABgAAAAAAAAAAAAAAAAAAAAAAAAA+NdHEg+Z97/HfrEN6PswP5mtLjiZ
        mqTV
        """,
      width: 3,
      height: 2,
      rgb: "R9f495kPsX7HMPvoLq2ZpJqZ"
    ),
    PillowFixture(
      name: "BMP, runs of 8 bits",
      file: """
        Qk2EAAAAAAAAAGYAAAAoAAAABgAAAAQAAAABAAgAAQAAAB4AAAAAAAAAAAAAAAwAAAAAAAAATT7OYgiGN8V5lEG9CAmDsTFYI5xc
        mNjdaut5B4geWqpd9oULbJGZoFo4uHONUgv5BgEAAAAFAQIDBAUAAQkAAAIDAAIBAAMHAAAGCQAB
        """,
      width: 6,
      height: 4,
      rgb: "mZFsmZFsmZFsmZFsmZFsmZFsgwkIgwkIzj5NWh6IWh6IWh6IN4YIQZR5gwkII1gx2JhcmZFsN4YIN4YIN4YIN4YIN4YIN4YI"
    ),
    PillowFixture(
      name: "BMP, runs of 4 bits",
      file: """
        Qk2MAAAAAAAAAHYAAAAoAAAABgAAAAQAAAABAAQAAgAAABYAAAAAAAAAAAAAAAAAAAAAAAAAYDb2388KEg9IQD3qim+LLqKMd13U
        cbeIxtoq4whfPlg2F9vta7EgTCPbF2g2UOHtlab+vq7E8q11E4ddqDUuAgYSAAAABRI0UAABkAAABjQAAAaIAAE=
        """,
      width: 6,
      height: 4,
      rgb: "2xc22xc22xc22xc22xc22xc2i2+Kd4yii2+Kd4yii2+Kd4yiEgrPPUBIi2+Kd4yit3HUILFrEgrPPUBIEgrPPUBIEgrPPUBI"
    ),
    PillowFixture(
      name: "TIFF, LZW",
      file: """
        SUkqAIIAAACADQOA5JkgQMhEGBrKZBtBGGBhG4dspGmFPkwQrQlChmoUqtFADtrps5sE1jxlIcrr01j5UDEKpoki9XHAiKAjitck
        sSK00D1bHMkocShEqAwCDUKBA/jQQKAchhQFITtNPnM9EcYEQGAUnhMEmIOAxDEMRKgriqAgAAoAAAEDAAEAAAAHAAAAAQEDAAEA
        AAAFAAAAAgEDAAMAAAAAAQAAAwEDAAEAAAAFAAAABgEDAAEAAAACAAAAEQEEAAEAAAAIAAAAFQEDAAEAAAADAAAAFgEDAAEAAAAF
        AAAAFwEEAAEAAAB5AAAAHAEDAAEAAAABAAAAAAAAAAgACAAIAA==
        """,
      width: 7,
      height: 5,
      rgb: """
        NBwOk0ggyIhg1qaD0Ixgwm47yo1hn0whtEoozYVV0YA715tzwWs8yodXvWs+qDEVmkkvrnBEoEcruUskrWg9tnNJhyURVAwENRQQ
        fzQgoDkYoFIn059zekcwRAwFTxMJYhwMhkMiqFcq
        """
    ),
    PillowFixture(
      name: "TIFF, RGBA",
      file: """
        SUkqAAgAAAALAAABBAABAAAABwAAAAEBBAABAAAABQAAAAIBAwAEAAAAkgAAAAMBAwABAAAAAQAAAAYBAwABAAAAAgAAABEBBAAB
        AAAAmgAAABUBAwABAAAABAAAABYBBAABAAAABQAAABcBBAABAAAAjAAAABwBAwABAAAAAQAAAFIBAwABAAAAAgAAAAAAAAAIAAgA
        CAAIADQcDk6TSCDMyIhgQNamgyLQjGAQwm47+sqNYemfTCEgtEooZ82FVXrRgDsN15tzzMFrPIrKh1esvWs+0KgxFX+aSS98rnBE
        ZKBHKwy5SySXrWg93rZzScuHJRH7VAwEmTUUENN/NCDroDkYUKBSJ7bTn3OwekcwKUQMBVhPEwkHYhwMjYZDIvGoVypJ
        """,
      width: 7,
      height: 5,
      rgb: """
        NBwOk0ggyIhg1qaD0Ixgwm47yo1hn0whtEoozYVV0YA715tzwWs8yodXvWs+qDEVmkkvrnBEoEcruUskrWg9tnNJhyURVAwENRQQ
        fzQgoDkYoFIn059zekcwRAwFTxMJYhwMhkMiqFcq
        """
    ),
    PillowFixture(
      name: "TIFF, 16-bit grey",
      file: """
        SUkqAAgAAAAJAAABBAABAAAABAAAAAEBBAABAAAAAwAAAAIBAwABAAAAEAAAAAMBAwABAAAAAQAAAAYBAwABAAAAAQAAABEBBAAB
        AAAAegAAABYBBAABAAAAAwAAABcBBAABAAAAGAAAABwBAwABAAAAAQAAAAAAAABcALwAWQEKAjMAIgCOAZAA5QFcASUCDgE=
        """,
      width: 4,
      height: 3,
      rgb: "XFxcvLy8////////MzMzIiIi////kJCQ////////////////"
    ),
    PillowFixture(
      name: "TIFF, CMYK",
      file: """
        SUkqAJoAAAAby+PxAGy33wA3d58AKVl8AC9znwA9kcQANXKeABtgs94AS7XXADJ6qgAuf8QAKGSMAD6UwwA1eKgAG0KUwQBXzuoA
        ZbbQAFGPuwBfuNQARrTbAFKXwgAbSYy2AHja7gCr8/sAyuvvAIDL3wBfxucAX63YABssYIwAhbjPALvz+gCw7PYAnePzAHm83QBX
        qNUAAAoAAAEDAAEAAAAHAAAAAQEDAAEAAAAFAAAAAgEDAAQAAAAYAQAAAwEDAAEAAAAFgAAABgEDAAEAAAAFAAAAEQEEAAEAAAAI
        AAAAFQEDAAEAAAAEAAAAFgEDAAEAAAAFAAAAFwEEAAEAAACRAAAAHAEDAAEAAAABAAAAAAAAAAgACAAIAAgA
        """,
      width: 7,
      height: 5,
      rgb: """
        NBwOk0ggyIhg1qaD0Ixgwm47yo1hn0whtEoozYVV0YA715tzwWs8yodXvWs+qDEVmkkvrnBEoEcruUskrWg9tnNJhyURVAwENRQQ
        fzQgoDkYoFIn059zekcwRAwFTxMJYhwMhkMiqFcq
        """
    ),
  ]
}
