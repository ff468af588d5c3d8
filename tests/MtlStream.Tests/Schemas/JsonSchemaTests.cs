using System.Text.Json;

namespace MtlStream.Tests.Schemas;

public sealed class JsonSchemaTests
{
    [Theory]
    [InlineData("""{"type":"integer"}""", "1|1.0|-3", "1.5|\"1\"|null")]
    [InlineData("""{"type":["string","null"]}""", "\"\"|null", "1|[]|{}|true")]
    [InlineData("""{"type":"boolean"}""", "true|false", "0|null")]
    [InlineData("""{"const":{"a":[1,2]}}""", """{"a":[1,2]}""", """{"a":[2,1]}|{}""")]
    [InlineData("""{"enum":["a",1,null]}""", "\"a\"|1|null", "\"b\"|2|false")]
    [InlineData("""{"required":["a","b"]}""", """{"a":1,"b":null}|5""", """{"a":1}|{}""")]
    [InlineData("""{"properties":{"a":{"type":"string"}}}""", """{"a":"x","b":1}|{}|[]""", """{"a":1}""")]
    [InlineData("""{"properties":{"a":{}},"additionalProperties":false}""", """{"a":1}|{}""", """{"b":1}""")]
    [InlineData("""{"additionalProperties":{"type":"number"}}""", """{"b":1}|{}""", """{"b":"1"}""")]
    [InlineData("""{"minProperties":1}""", """{"a":1}|[]""", "{}")]
    [InlineData("""{"items":{"minimum":0}}""", "[]|[0,1]|{}", "[0,-1]")]
    [InlineData("""{"minItems":2,"uniqueItems":true}""", "[1,2]|5", "[1]|[1,1.0]|[{\"a\":1},{\"a\":1}]")]
    [InlineData("""{"maxItems":1}""", "[]|[1]|5", "[1,2]")]
    [InlineData("""{"minLength":2}""", "\"ab\"|1", "\"a\"|\"😀\"")]
    [InlineData("""{"pattern":"^a+$"}""", "\"aa\"|1", "\"ab\"|\"\"")]
    [InlineData("""{"minimum":0,"maximum":1}""", "0|1|0.5|\"x\"", "-0.1|1.1")]
    [InlineData("""{"exclusiveMinimum":0}""", "0.1", "0|-1")]
    [InlineData("""{"oneOf":[{"required":["a"]},{"required":["b"]}]}""", """{"a":1}|{"b":1}""", """{}|{"a":1,"b":1}""")]
    [InlineData("""{"allOf":[{"minimum":0},{"maximum":1}]}""", "0.5", "2|-2")]
    [InlineData("""{"if":{"type":"string"},"then":{"minLength":1},"else":{"minimum":1}}""", "\"a\"|1", "\"\"|0")]
    [InlineData("""{"if":{"type":"string"},"then":{"minLength":1}}""", "\"a\"|0", "\"\"")]
    [InlineData("""{"$ref":"#/$defs/x","$defs":{"x":{"type":"null"}}}""", "null", "0")]
    [InlineData("""{"properties":{"a":{"type":"string"}}}""", """{"a":1,"a":"x"}""", """{"a":"x","a":1}""")]
    [InlineData("""{"properties":{"a":false}}""", "{}", """{"a":1}""")]
    public void Keywords_mean_what_the_specification_says(string schema, string valid, string invalid)
    {
        var loaded = Load(schema);

        foreach (var value in valid.Split('|')) Assert.Empty(loaded.Problems(Parse(value)));
        foreach (var value in invalid.Split('|')) Assert.NotEmpty(loaded.Problems(Parse(value)));
    }

    [Theory]
    [InlineData("""{"maxLength":5}""")]
    [InlineData("""{"properties":{"a":{"items":{"oneOf":[{"if":{"tpye":"string"}}]}}}}""")]
    [InlineData("""{"$defs":{"unused":{"not":{}}}}""")]
    [InlineData("""{"$ref":"#/$defs/none","$defs":{}}""")]
    public void What_is_not_known_is_not_passed_over(string schema) => Assert.Throws<InvalidDataException>(() => Load(schema));

    [Fact]
    public void Another_dialect_is_refused() =>
        Assert.Throws<InvalidDataException>(() => new JsonSchema(Parse("""{"$schema":"http://json-schema.org/draft-07/schema#"}""")));

    [Fact]
    public void A_problem_says_where_it_is() =>
        Assert.Equal(["/a/1: is below 0"], Load("""{"properties":{"a":{"items":{"minimum":0}}}}""").Problems(Parse("""{"a":[0,-1]}""")));

    private static JsonSchema Load(string schema) =>
        new(Parse("{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\"," + schema[1..]));

    private static JsonElement Parse(string json) => JsonDocument.Parse(json).RootElement;
}
