extension PageCore {
  /// Runs a search whose subject is known.
  func search(_ subject: SearchSubject, _ options: SearchOptions) async throws -> SearchResult {
    try await search(subject, options, features: 0, waited: 0, since: .now)
  }

  /// Remembers an uploaded image by its features.
  /// - Returns: The subject that stands for it in links, and the time that it took.
  func take(
    upload file: [UInt8],
    name: String
  ) async throws -> (subject: SearchSubject, features: Double, waited: Double) {
    guard ContentType.image(file) != nil else {
      throw BackendError(
        .unreadableImage,
        "this is no image: JPEG, PNG, WebP, GIF, BMP and TIFF are read"
      )
    }
    let limit = configuration.limits.maximumPixels
    let (upload, waited) = try await admitted(to: extractionQueue) {
      try await threads.run { [images, metrics] in
        let clock = ContinuousClock()
        let start = clock.now
        let features = try await images.features(of: file, maximumPixels: limit)
        let milliseconds = (clock.now - start) / .milliseconds(1)
        metrics.extracted(milliseconds: milliseconds)
        let thumbnail = try await images.thumbnail(
          of: file,
          side: Thumbnail.uploadSide,
          maximumPixels: limit
        )
        return UploadMemory.Upload(
          name: name,
          features: features,
          thumbnail: thumbnail,
          milliseconds: milliseconds
        )
      }
    }
    return (.upload(key: uploads.remember(upload)), upload.milliseconds, waited)
  }

  /// Uploads and searches in one go.
  func search(upload file: [UInt8], name: String, _ options: SearchOptions) async throws -> SearchResult {
    let start = ContinuousClock.now
    let taken = try await take(upload: file, name: name)
    return try await search(
      taken.subject,
      options,
      features: taken.features,
      waited: taken.waited,
      since: start
    )
  }

  private func search(
    _ subject: SearchSubject,
    _ options: SearchOptions,
    features: Double,
    waited: Double,
    since start: ContinuousClock.Instant
  ) async throws -> SearchResult {
    let upload = try remembered(subject)
    let query = SearchQuery(
      querySubject(subject, upload),
      count: options.count,
      label: options.label,
      exact: options.exact,
      efSearch: options.efSearch
    )
    let (found, waitedForQuery) = try await admitted(to: queryQueue) {
      (try await backend.search(query), try await label(of: subject))
    }
    metrics.queried(milliseconds: found.0.databaseMilliseconds)
    let timing = SearchResult.Timing(
      features: features,
      database: found.0.databaseMilliseconds,
      waiting: waited + waitedForQuery,
      total: (ContinuousClock.now - start) / .milliseconds(1)
    )
    return SearchResult(
      subject: subject,
      subjectLabel: found.1,
      subjectName: upload?.name,
      uploadMilliseconds: upload?.milliseconds,
      options: options,
      answer: found.0,
      timing: timing
    )
  }

  private func remembered(_ subject: SearchSubject) throws -> UploadMemory.Upload? {
    switch subject {
    case .id: return nil
    case .upload(let key):
      guard let upload = uploads[key] else {
        throw Fault.notFound("this upload is no longer remembered; drop the image again")
      }
      return upload
    case .vector(let vector):
      guard vector.count == images.dimension else {
        throw Fault.invalid(
          "the vector has \(vector.count) numbers, the collection's have \(images.dimension)"
        )
      }
      return nil
    }
  }

  private func querySubject(_ subject: SearchSubject, _ upload: UploadMemory.Upload?) -> SearchQuery.Subject {
    switch subject {
    case .id(let id): .id(id)
    case .upload: .vector(upload?.features ?? [])
    case .vector(let vector): .vector(vector)
    }
  }

  private func label(of subject: SearchSubject) async throws -> String? {
    guard case .id(let id) = subject else { return nil }
    return try await backend.image(id: id)?.label
  }
}
