namespace KvPolicy.Training.Files;

/// <summary>Files that are there in full or not at all.</summary>
internal static class WholeFile
{
    /// <summary>Writes beside the place, flushes to the disk, renames.</summary>
    internal static void Write(string path, byte[] bytes)
    {
        string part = path + ".part";
        using (FileStream stream = File.Create(part))
        {
            stream.Write(bytes);
            stream.Flush(flushToDisk: true);
        }

        File.Move(part, path, overwrite: true);
    }

    /// <summary>The same for text, as UTF-8 without a mark.</summary>
    internal static void Write(string path, string text) => Write(path, System.Text.Encoding.UTF8.GetBytes(text));
}
