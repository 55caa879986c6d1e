import java.io.File;
import javax.xml.XMLConstants;
import javax.xml.transform.stream.StreamSource;
import javax.xml.validation.Schema;
import javax.xml.validation.SchemaFactory;
import javax.xml.validation.Validator;
import org.xml.sax.SAXParseException;

/** Holds files against a schema with the JDK (Xerces): SCHEMA FILE... Prints "valid" or "invalid" for each file, in their order. */
public class ValidateSchema {
    public static void main(String[] arguments) throws Exception {
        SchemaFactory factory = SchemaFactory.newInstance(XMLConstants.W3C_XML_SCHEMA_NS_URI);
        factory.setProperty(XMLConstants.ACCESS_EXTERNAL_SCHEMA, "file");
        Schema schema = factory.newSchema(new File(arguments[0]));
        for (int i = 1; i < arguments.length; i++) {
            Validator validator = schema.newValidator();
            validator.setProperty(XMLConstants.ACCESS_EXTERNAL_DTD, "");
            validator.setProperty(XMLConstants.ACCESS_EXTERNAL_SCHEMA, "");
            boolean valid = true;
            try {
                validator.validate(new StreamSource(new File(arguments[i])));
            } catch (SAXParseException invalid) {
                valid = false;
            }
            System.out.println(valid ? "valid" : "invalid");
        }
    }
}
